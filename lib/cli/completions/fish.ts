/** The completion script for fish. Pure. */

import {
  type CommandSpec,
  configFlags,
  functionName,
  offersTasks,
  oneLine,
  positionsOf,
  turnsOf,
  type ValueSpec,
} from "./spec.ts";

/** Quotes a word for fish. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

/** The arguments of fish's `complete` for a value. */
function fishValue(
  { values = [], file = false, tasks = false }: ValueSpec,
  self: string,
): string[] {
  if (file) return ["-F"];
  if (tasks) return ["-f", "-a", fishQuoted(`(_${self}_tasks)`)];
  return values.length === 0 ? ["-f"] : ["-f", "-a", fishQuoted(values.join(" "))];
}

function fishFlag(flag: string): string {
  if (flag.startsWith("--")) return `-l ${fishQuoted(flag.slice(2))}`;
  return `${flag.length === 2 ? "-s" : "-o"} ${fishQuoted(flag.slice(1))}`;
}

/** The function that prints the ids of tasks. */
function tasksFunction(self: string, selecting: readonly string[]): string {
  const joined = selecting.filter((flag) => flag.startsWith("--")).map((flag) =>
    `            case ${fishQuoted(`${flag}=*`)}
                set -a configs -c (string replace -- ${fishQuoted(`${flag}=`)} '' $word)
`
  ).join("");
  const separate = selecting.length === 0
    ? ""
    : `            case ${selecting.map(fishQuoted).join(" ")}
                set value yes
`;
  return `function _${self}_tasks --description 'The tasks of the config'
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l configs
    set -l value no
    for word in $words
        if test $value = yes
            set -a configs -c $word
            set value no
            continue
        end
        switch $word
${separate}${joined}        end
    end
    command $program completions fish --tasks $configs 2>/dev/null </dev/null
end

`;
}

/** Generates the script for fish. */
export function fishScript(spec: CommandSpec): string {
  const self = functionName(spec.name);
  const position = `_${self}_at`;
  const start = `complete -c ${fishQuoted(spec.name)}`;
  const at = (command: string) => `-n ${fishQuoted(`${position} ${fishQuoted(command)}`)}`;
  const describedAs = (description: string) => `-d ${fishQuoted(oneLine(description))}`;
  const options = positionsOf(spec).flatMap(({ command, options }) =>
    options.map((option) =>
      [
        start,
        ...(command === "" ? [] : [at(command)]),
        ...option.flags.map(fishFlag),
        ...(option.takesValue ? ["-r", ...fishValue(option, self)] : []),
        describedAs(option.description),
      ].join(" ")
    )
  );
  const commands = spec.commands.map(({ name, description }) =>
    `${start} ${at("")} -a ${fishQuoted(name)} ${describedAs(description)}`
  );
  const words = spec.commands.map((command) =>
    [start, at(command.name), ...fishValue(command.arguments ?? {}, self)].join(" ")
  );
  const turns = turnsOf(spec, { value: "set value yes", command: "set command $word" })
    .map(([patterns, turn]) =>
      `            case ${patterns.map(fishQuoted).join(" ")}
                ${turn}`
    );
  return `# fish completion for ${spec.name}

function ${position} --argument-names wanted --description 'Whether this command is on the line'
    set -l words (commandline -opc)
    set -e words[1]
    set -l command ''
    set -l value no
    for word in $words
        if test $value = yes
            set value no
            continue
        end
        switch "$command,$word"
${turns.join("\n")}
        end
    end
    test "$command" = "$wanted"
end

${offersTasks(spec) ? tasksFunction(self, configFlags(spec)) : ""}${
    [`${start} -f`, ...options, ...commands, ...words].join("\n")
  }
`;
}
