/** What completion scripts are generated from, and what their generators share. Pure. */

/** The supported shells. */
export type Shell = "bash" | "zsh" | "fish";

/** What to offer for a value or an argument. With neither field, nothing is offered. */
export interface ValueSpec {
  /** The words to offer: letters, digits and `_ . / , -`. */
  readonly values?: readonly string[];
  /** Offer the names of files, and no words. */
  readonly file?: boolean;
  /** Offer the ids of the tasks of the config, and no words. */
  readonly tasks?: boolean;
}

/** One option. */
export interface OptionSpec extends ValueSpec {
  /** Its spellings with dashes: `-c`, `--config`. */
  readonly flags: readonly string[];
  /** One line for people. */
  readonly description: string;
  /** Whether it takes a value. */
  readonly takesValue: boolean;
  /** Whether its values select the config whose tasks are offered. */
  readonly selectsConfig?: boolean;
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

/** What can follow a command, or precede all commands if `command` is empty. */
export interface Position {
  readonly command: string;
  readonly options: readonly OptionSpec[];
  readonly arguments: ValueSpec;
}

export function positionsOf(spec: CommandSpec): readonly Position[] {
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
export function flagsIn(position: Position, spec: CommandSpec): string[] {
  const options = position.command === "" ? [] : position.options;
  return [...options, ...spec.options].flatMap(({ flags }) => flags);
}

/** The patterns `COMMAND,FLAG` that match an option; `*` for any command. */
function patternsOf({ command }: Position, { flags }: OptionSpec): string[] {
  return flags.map((flag) => `${command === "" ? "*" : command},${flag}`);
}

export function optionsWithValue(spec: CommandSpec): { option: OptionSpec; patterns: string[] }[] {
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
export function turnsOf(
  spec: CommandSpec,
  { value, command }: { readonly value: string; readonly command: string },
): (readonly [patterns: readonly string[], turn: string])[] {
  const turns = [
    [optionsWithValue(spec).flatMap(({ patterns }) => patterns), value],
    [spec.commands.map(({ name }) => `,${name}`), command],
  ] as const;
  return turns.filter(([patterns]) => patterns.length > 0);
}

export function functionName(program: string): string {
  return "_" + program.replaceAll(/[^A-Za-z0-9_]/g, "_");
}

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** Quotes a word for bash and zsh. */
export function quoted(word: string): string {
  return /^[\w\/.,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Whether the ids of tasks are offered anywhere. */
export function offersTasks(spec: CommandSpec): boolean {
  return positionsOf(spec).some((position) =>
    position.arguments.tasks === true || position.options.some(({ tasks }) => tasks === true)
  );
}

/** The flags whose values select the config, in all their spellings. */
export function configFlags(spec: CommandSpec): string[] {
  const options = positionsOf(spec).flatMap((position) => position.options);
  return [...new Set(options.filter((one) => one.selectsConfig).flatMap(({ flags }) => flags))];
}
