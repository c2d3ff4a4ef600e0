/** The completion script for zsh. Pure. */

import {
  type CommandSpec,
  configFlags,
  functionName,
  offersTasks,
  oneLine,
  type OptionSpec,
  quoted,
  type ValueSpec,
} from "./spec.ts";

/** Quotes a description for the brackets of zsh's `_arguments`. */
function bracketed(text: string): string {
  return `[${oneLine(text).replaceAll(/[\\[\]:]/g, "\\$&")}]`;
}

/** The `:message:action` of a value for zsh's `_arguments`. */
function zshAction(
  message: string,
  { values = [], file = false, tasks = false }: ValueSpec,
  self: string,
): string {
  const words = values.length === 0 ? " " : `(${values.join(" ")})`;
  return `:${message}:${file ? "_files" : tasks ? `${self}_tasks` : words}`;
}

function zshOptions(options: readonly OptionSpec[], self: string): string[] {
  return options.flatMap((option) => {
    const { flags, description, takesValue } = option;
    // An option with a value is repeatable; one without is offered once, in any spelling.
    const start = takesValue ? "*" : `(${flags.join(" ")})`;
    const action = takesValue ? zshAction("value", option, self) : "";
    return flags.map((flag) => {
      const joint = !takesValue ? "" : flag.startsWith("--") ? "=" : "+";
      return quoted(`${start}${flag}${joint}${bracketed(description)}${action}`);
    });
  });
}

/** The function that offers the ids of tasks. */
function tasksFunction(self: string, selecting: readonly string[]): string {
  const long = selecting.filter((flag) => flag.startsWith("--"));
  const cases = [
    ...(selecting.length === 0
      ? []
      : [`${selecting.join("|")}) configs+=(-c "\${(Q)line_words[index+1]}") ;;`]),
    ...long.map((flag) => `${flag}=*) configs+=(-c "\${(Q)\${line_words[index]#*=}}") ;;`),
  ];
  return `${self}_tasks() {
  local -a tasks configs
  local index
  for ((index = 2; index < $#line_words; index++)); do
    case $line_words[index] in
${indented(cases, 6)}
    esac
  done
  tasks=("\${(@f)$($line_words[1] completions zsh --tasks $configs 2>/dev/null </dev/null)}")
  compadd "$@" -- \${tasks:#}
}

`;
}

/** Generates the script for zsh. */
export function zshScript(spec: CommandSpec): string {
  const self = functionName(spec.name);
  const commands = spec.commands.map(({ name, description }) =>
    quoted(`${name.replaceAll(":", "\\:")}:${oneLine(description)}`)
  );
  const branches = spec.commands.map((command) => {
    const words = quoted(`*${zshAction("argument", command.arguments ?? {}, self)}`);
    const specs = indented([...zshOptions(command.options, self), words], 10);
    return `        ${quoted(command.name)}) specs=(
${specs}
        ) ;;`;
  });
  return `#compdef ${spec.name}
# zsh completion for ${spec.name}

${offersTasks(spec) ? tasksFunction(self, configFlags(spec)) : ""}${self}() {
  local -a line_words=("\${words[@]}")
  local context state state_descr line curcontext="$curcontext"
  local -A opt_args
  local -a specs commands everywhere
  commands=(
${indented(commands, 4)}
  )
  everywhere=(
${indented(zshOptions(spec.options, self), 4)}
  )
  _arguments -C -s -S $everywhere '1:command:->command' '*::argument:->arguments'
  case $state in
    command) _describe -t commands command commands ;;
    arguments)
      case $line[1] in
${branches.join("\n")}
      esac
      _arguments -s -S $everywhere $specs
      ;;
  esac
}

if [[ $funcstack[1] == ${self} ]]; then ${self} "$@"; else compdef ${self} ${quoted(spec.name)}; fi
`;
}

function indented(lines: readonly string[], columns: number): string {
  return lines.map((line) => " ".repeat(columns) + line).join("\n");
}
