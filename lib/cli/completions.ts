/** Completion scripts for shells, generated from a description of the command line. */

/** The supported shells. */
export type Shell = "bash" | "zsh" | "fish";

/** What to offer for a value or an argument. With neither field, nothing is offered. */
export interface ValueSpec {
  /** The words to offer: letters, digits and `_ . / , -`. */
  readonly values?: readonly string[];
  /** Offer the names of files, and no words. */
  readonly file?: boolean;
}

/** One option. */
export interface OptionSpec extends ValueSpec {
  /** Its spellings with dashes: `-c`, `--config`. */
  readonly flags: readonly string[];
  /** One line for people. */
  readonly description: string;
  /** Whether it takes a value. */
  readonly takesValue: boolean;
}

/** One command of the program. */
export interface SubcommandSpec {
  readonly name: string;
  /** One line for people. */
  readonly description: string;
  readonly options: readonly OptionSpec[];
  /** What to offer for each of its arguments. */
  readonly arguments?: ValueSpec;
}

/** A program, its options and its commands. */
export interface CommandSpec {
  readonly name: string;
  /** Options that are valid anywhere on the line. */
  readonly options: readonly OptionSpec[];
  readonly commands: readonly SubcommandSpec[];
}

/**
 * Generates the script that completes commands, options and known values in a shell. The script
 * runs only shell built-ins.
 *
 * @returns The script, to be sourced (bash, zsh) or saved to the completions folder of the shell.
 */
export function completionScript(shell: Shell, spec: CommandSpec): string {
  switch (shell) {
    case "bash":
      return bashScript(spec);
    case "zsh":
      return zshScript(spec);
    case "fish":
      return fishScript(spec);
    default:
      return shell satisfies never;
  }
}

/** What can follow a command, or precede all commands if `command` is empty. */
interface Position {
  readonly command: string;
  readonly options: readonly OptionSpec[];
  readonly arguments: ValueSpec;
}

function positionsOf(spec: CommandSpec): readonly Position[] {
  const names = spec.commands.map(({ name }) => name);
  return [
    { command: "", options: spec.options, arguments: { values: names } },
    ...spec.commands.map((command) => ({
      command: command.name,
      options: command.options,
      arguments: command.arguments ?? {},
    })),
  ];
}

/** Flags that are valid at a position. */
function flagsIn(position: Position, spec: CommandSpec): string[] {
  const options = position.command === "" ? [] : position.options;
  return [...options, ...spec.options].flatMap(({ flags }) => flags);
}

/** The patterns `COMMAND,FLAG` that match an option; `*` for any command. */
function patternsOf({ command }: Position, { flags }: OptionSpec): string[] {
  return flags.map((flag) => `${command === "" ? "*" : command},${flag}`);
}

function optionsWithValue(spec: CommandSpec): { option: OptionSpec; patterns: string[] }[] {
  // Options of a command first, because they take precedence over global ones of the same name.
  return positionsOf(spec).toReversed().flatMap((position) =>
    position.options.filter(({ takesValue }) => takesValue)
      .map((option) => ({ option, patterns: patternsOf(position, option) }))
  );
}

/**
 * The shell code for words that change the position: an option with a value, or a command. Lists
 * without patterns are omitted, because they are syntax errors.
 */
function turnsOf(
  spec: CommandSpec,
  { value, command }: { readonly value: string; readonly command: string },
): (readonly [patterns: readonly string[], turn: string])[] {
  const turns = [
    [optionsWithValue(spec).flatMap(({ patterns }) => patterns), value],
    [spec.commands.map(({ name }) => `,${name}`), command],
  ] as const;
  return turns.filter(([patterns]) => patterns.length > 0);
}

function functionName(program: string): string {
  return "_" + program.replaceAll(/[^A-Za-z0-9_]/g, "_");
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** Quotes a word for bash and zsh. */
function quoted(word: string): string {
  return /^[\w\/.,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Quotes a pattern for bash, except a leading `*`. */
function bashPattern(pattern: string): string {
  return pattern.startsWith("*") ? `*${quoted(pattern.slice(1))}` : quoted(pattern);
}

function bashScript(spec: CommandSpec): string {
  const self = functionName(spec.name);
  const offer = ({ values = [], file = false }: ValueSpec): string => {
    if (file) return `${self}_files`;
    return values.length === 0 ? ":" : [`${self}_offer`, ...values.map(quoted)].join(" ");
  };
  const positions = positionsOf(spec);
  const values = optionsWithValue(spec).map(({ option, patterns }) =>
    `      ${patterns.map(bashPattern).join(" | ")}) ${offer(option)} ;;`
  );
  const flags = positions.map((position) =>
    `      ${quoted(position.command)}) ${offer({ values: flagsIn(position, spec) })} ;;`
  );
  const words = positions.map((position) =>
    `      ${quoted(position.command)}) ${offer(position.arguments)} ;;`
  );
  const turns = turnsOf(spec, {
    value: "if [[ -z $ended ]]; then option=$word; fi",
    command: "command=$word",
  }).map(([patterns, turn]) => `      ${patterns.map(bashPattern).join(" | ")}) ${turn} ;;`);
  return `# bash completion for ${spec.name}

${self}_offer() {
  local candidate
  for candidate in "$@"; do
    if [[ $candidate == "$current"* ]]; then COMPREPLY+=("$candidate"); fi
  done
}

${self}_files() {
  # Without candidates, "default" completes file names and quotes them.
  compopt -o default 2>/dev/null && return
  local candidate
  while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$current")
}

${self}() {
  local current=\${COMP_WORDS[COMP_CWORD]} command= option= ended= word index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    # Bash splits words at colons and equals signs, which become words of their own.
    if [[ $word == ":" ]]; then ((index++)); continue; fi
    if [[ $word == "=" ]]; then continue; fi
    if [[ -n $option ]]; then option=; continue; fi
    if [[ $word == "--" ]]; then ended=yes; continue; fi
    case $command,$word in
${turns.join("\n")}
    esac
  done
  if [[ $index -gt $COMP_CWORD || $current == ":" ]]; then return; fi
  if [[ $current == "=" ]]; then current=; fi
  if [[ -n $option ]]; then
    case $command,$option in
${values.join("\n")}
    esac
  elif [[ $current == -* && -z $ended ]]; then
    case $command in
${flags.join("\n")}
    esac
  else
    case $command in
${words.join("\n")}
    esac
  fi
}

complete -F ${self} ${quoted(spec.name)}
`;
}

/** Quotes a description for the brackets of zsh's `_arguments`. */
function bracketed(text: string): string {
  return `[${oneLine(text).replaceAll(/[\\[\]:]/g, "\\$&")}]`;
}

/** The `:message:action` of a value for zsh's `_arguments`. */
function zshAction(message: string, { values = [], file = false }: ValueSpec): string {
  return `:${message}:${file ? "_files" : values.length === 0 ? " " : `(${values.join(" ")})`}`;
}

function zshOptions(options: readonly OptionSpec[]): string[] {
  return options.flatMap((option) => {
    const { flags, description, takesValue } = option;
    // An option with a value is repeatable; one without is offered once, in any spelling.
    const start = takesValue ? "*" : `(${flags.join(" ")})`;
    const action = takesValue ? zshAction("value", option) : "";
    return flags.map((flag) => {
      const joint = !takesValue ? "" : flag.startsWith("--") ? "=" : "+";
      return quoted(`${start}${flag}${joint}${bracketed(description)}${action}`);
    });
  });
}

function zshScript(spec: CommandSpec): string {
  const self = functionName(spec.name);
  const commands = spec.commands.map(({ name, description }) =>
    quoted(`${name.replaceAll(":", "\\:")}:${oneLine(description)}`)
  );
  const branches = spec.commands.map((command) => {
    const words = quoted(`*${zshAction("argument", command.arguments ?? {})}`);
    const specs = indented([...zshOptions(command.options), words], 10);
    return `        ${quoted(command.name)}) specs=(
${specs}
        ) ;;`;
  });
  return `#compdef ${spec.name}
# zsh completion for ${spec.name}

${self}() {
  local context state state_descr line curcontext="$curcontext"
  local -A opt_args
  local -a specs commands everywhere
  commands=(
${indented(commands, 4)}
  )
  everywhere=(
${indented(zshOptions(spec.options), 4)}
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

/** Quotes a word for fish. */
function fishQuoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

/** The arguments of fish's `complete` for a value. */
function fishValue({ values = [], file = false }: ValueSpec): string[] {
  if (file) return ["-F"];
  return values.length === 0 ? ["-f"] : ["-f", "-a", fishQuoted(values.join(" "))];
}

function fishFlag(flag: string): string {
  if (flag.startsWith("--")) return `-l ${fishQuoted(flag.slice(2))}`;
  return `${flag.length === 2 ? "-s" : "-o"} ${fishQuoted(flag.slice(1))}`;
}

function fishScript(spec: CommandSpec): string {
  const position = `_${functionName(spec.name)}_at`;
  const start = `complete -c ${fishQuoted(spec.name)}`;
  const at = (command: string) => `-n ${fishQuoted(`${position} ${fishQuoted(command)}`)}`;
  const describedAs = (description: string) => `-d ${fishQuoted(oneLine(description))}`;
  const options = positionsOf(spec).flatMap(({ command, options }) =>
    options.map((option) =>
      [
        start,
        ...(command === "" ? [] : [at(command)]),
        ...option.flags.map(fishFlag),
        ...(option.takesValue ? ["-r", ...fishValue(option)] : []),
        describedAs(option.description),
      ].join(" ")
    )
  );
  const commands = spec.commands.map(({ name, description }) =>
    `${start} ${at("")} -a ${fishQuoted(name)} ${describedAs(description)}`
  );
  const words = spec.commands.map((command) =>
    [start, at(command.name), ...fishValue(command.arguments ?? {})].join(" ")
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

${[`${start} -f`, ...options, ...commands, ...words].join("\n")}
`;
}
