/** Completion scripts for shells, made from a description of the command line. */

/** The shells that can be served. */
export type Shell = "bash" | "zsh" | "fish";

/** What may stand for a value or an argument. With neither field nothing is offered. */
export interface ValueSpec {
  /** The words to offer: letters, digits and `_ . / , -`. */
  readonly values?: readonly string[];
  /** Offer the names of files, and no words. */
  readonly file?: boolean;
}

/** One option. */
export interface OptionSpec extends ValueSpec {
  /** Its spellings, dashes included: `-c`, `--config`. */
  readonly flags: readonly string[];
  /** One line for people. */
  readonly description: string;
  /** Whether a value follows. */
  readonly takesValue: boolean;
}

/** One command below the program. */
export interface SubcommandSpec {
  /** The word that selects it. */
  readonly name: string;
  /** One line for people. */
  readonly description: string;
  /** Options that stand after the command. */
  readonly options: readonly OptionSpec[];
  /** What its arguments may be, all of them alike. */
  readonly arguments?: ValueSpec;
}

/** A program, its options and its commands. */
export interface CommandSpec {
  /** The name it is called by. */
  readonly name: string;
  /** Options that stand anywhere. */
  readonly options: readonly OptionSpec[];
  /** Its commands. */
  readonly commands: readonly SubcommandSpec[];
}

/**
 * The script that completes a program's command line in a shell: commands,
 * options, and values where they are known. It calls nothing but the shell.
 *
 * @param shell Whose language the script is in.
 * @param spec The program's command line.
 * @returns The whole script, to be sourced (bash, zsh), or put where the shell looks for it.
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

/** What can stand in one place: after a command, or (`command` is empty) before any. */
interface Place {
  readonly command: string;
  readonly options: readonly OptionSpec[];
  readonly arguments: ValueSpec;
}

function placesOf(spec: CommandSpec): readonly Place[] {
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

/** Flags of a place with the options that stand anywhere. */
function flagsIn(place: Place, spec: CommandSpec): string[] {
  const options = place.command === "" ? [] : place.options;
  return [...options, ...spec.options].flatMap(({ flags }) => flags);
}

/** The patterns `COMMAND,FLAG` under which a shell meets an option; `*` for any command. */
function patternsOf({ command }: Place, { flags }: OptionSpec): string[] {
  return flags.map((flag) => `${command === "" ? "*" : command},${flag}`);
}

function optionsWithValue(spec: CommandSpec): { option: OptionSpec; patterns: string[] }[] {
  // Those of a command come first: they go before one of the same name that stands anywhere.
  return placesOf(spec).toReversed().flatMap((place) =>
    place.options.filter(({ takesValue }) => takesValue)
      .map((option) => ({ option, patterns: patternsOf(place, option) }))
  );
}

/**
 * What a shell does at a word that changes what may follow: an option that
 * wants a value, or a command. Shells refuse a list without patterns.
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

/** Quotes a pattern for bash: all of it literal but for a leading `*`. */
function bashPattern(pattern: string): string {
  return pattern.startsWith("*") ? `*${quoted(pattern.slice(1))}` : quoted(pattern);
}

function bashScript(spec: CommandSpec): string {
  const self = functionName(spec.name);
  const offer = ({ values = [], file = false }: ValueSpec): string => {
    if (file) return `${self}_files`;
    return values.length === 0 ? ":" : [`${self}_offer`, ...values.map(quoted)].join(" ");
  };
  const places = placesOf(spec);
  const values = optionsWithValue(spec).map(({ option, patterns }) =>
    `      ${patterns.map(bashPattern).join(" | ")}) ${offer(option)} ;;`
  );
  const flags = places.map((place) =>
    `      ${quoted(place.command)}) ${offer({ values: flagsIn(place, spec) })} ;;`
  );
  const words = places.map((place) =>
    `      ${quoted(place.command)}) ${offer(place.arguments)} ;;`
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
  # With nothing offered, "default" means file names, quoted as they must be.
  compopt -o default 2>/dev/null && return
  local candidate
  while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$current")
}

${self}() {
  local current=\${COMP_WORDS[COMP_CWORD]} command= option= ended= word index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    # Bash takes a word apart at colons and equals signs, which become words.
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

/** What zsh's `_arguments` does for a value: `:message:action`. */
function zshAction(message: string, { values = [], file = false }: ValueSpec): string {
  return `:${message}:${file ? "_files" : values.length === 0 ? " " : `(${values.join(" ")})`}`;
}

function zshOptions(options: readonly OptionSpec[]): string[] {
  return options.flatMap((option) => {
    const { flags, description, takesValue } = option;
    // One with a value may come again; one without is offered once, in any spelling.
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

/** What fish's `complete` does for a value. */
function fishValue({ values = [], file = false }: ValueSpec): string[] {
  if (file) return ["-F"];
  return values.length === 0 ? ["-f"] : ["-f", "-a", fishQuoted(values.join(" "))];
}

function fishFlag(flag: string): string {
  if (flag.startsWith("--")) return `-l ${fishQuoted(flag.slice(2))}`;
  return `${flag.length === 2 ? "-s" : "-o"} ${fishQuoted(flag.slice(1))}`;
}

function fishScript(spec: CommandSpec): string {
  const place = `_${functionName(spec.name)}_at`;
  const start = `complete -c ${fishQuoted(spec.name)}`;
  const at = (command: string) => `-n ${fishQuoted(`${place} ${fishQuoted(command)}`)}`;
  const describedAs = (description: string) => `-d ${fishQuoted(oneLine(description))}`;
  const options = placesOf(spec).flatMap(({ command, options }) =>
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

function ${place} --argument-names wanted --description 'Whether this command is on the line'
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
