/** The command line: parses arguments, performs a command, and returns the exit code. */

import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import type { CommandSpec } from "./completions/spec.ts";
import type { CommandHost } from "./flags.ts";
import { commandHost, deliver } from "./output.ts";
import {
  type Command,
  createProgram,
  type Invocation,
  ParseStop,
  specOf,
  VERSION_REQUESTED,
} from "./program.ts";

/**
 * Runs one command line. Each command loads its own modules, so that the others start fast.
 *
 * @param args The arguments after the program's name.
 * @param world What the command runs in.
 * @returns The exit code; see `EXIT`. The process is not ended here.
 */
export async function main(args: readonly string[], world: Host): Promise<number> {
  const host = await commandHost(world);
  const exitCode = await perform(args, host).catch((error) => report(error, args, host));
  return await deliver(exitCode, host);
}

async function perform(args: readonly string[], host: CommandHost): Promise<number> {
  let helped = null as string | null;
  let invocation: Invocation;
  try {
    invocation = parseCommand(args, host, (command) => helped = command);
  } catch (error) {
    if (helped !== null) host.stdout.write((await import("./examples.ts")).examplesText(helped));
    throw error;
  }
  const { action, operands, flags } = invocation;
  const exitCode = await action(operands, flags, host);
  // Yield once, so that a pending unhandled rejection fails the process.
  await host.timers.sleep(0, new AbortController().signal);
  return exitCode;
}

async function report(error: unknown, args: readonly string[], host: Host): Promise<number> {
  const { reportError } = await import("./errors.ts");
  if (!(error instanceof ParseStop)) return reportError(error, args, host);
  // Help ends here, with 0 if it was requested; commander has written it.
  if (error.code.startsWith("commander.help")) return error.exitCode === 0 ? EXIT.good : EXIT.usage;
  const { usageError } = await import("./usage.ts");
  return reportError(usageError(error, args, commandSpec(host)), args, host);
}

/**
 * Parses a command line.
 *
 * @param onHelp Called with the name of a command whose help was written, without its examples.
 * @throws {ParseStop} The arguments are invalid, or request help, which is then written.
 */
export function parseCommand(
  args: readonly string[],
  host: Host,
  onHelp: (command: string) => void = () => {},
): Invocation {
  let invocation = null as Invocation | null;
  try {
    const program = createProgram(host, (parsed) => invocation = parsed, onHelp);
    program.parse(normalized(args, program), { from: "user" });
  } catch (error) {
    if (!(error instanceof ParseStop) || error.code !== VERSION_REQUESTED) throw error;
  }
  if (!invocation) throw new Error("commander has selected no command");
  return invocation;
}

/**
 * Accepts `help COMMAND`, `version`, and options before the command: `-v run` is `run -v`.
 *
 * @param program With all commands.
 */
function normalized(args: readonly string[], program: Command): readonly string[] {
  const [first = "", ...others] = args;
  if (first === "help") return [...others, "--help"];
  if (first === "version") return ["--version", ...others];
  const index = args.findIndex((arg, at) => !arg.startsWith("-") && !isValue(args, at, program));
  const command = args[index];
  // An option of the program itself is one of every command too.
  if (index < 1 || !program.commands.some((one) => one.name() === command)) return args;
  return [command ?? "", ...args.slice(0, index), ...args.slice(index + 1)];
}

/** Whether an argument is the value of an option before it. */
function isValue(args: readonly string[], index: number, { commands }: Command): boolean {
  const before = args[index - 1];
  return before !== undefined &&
    commands.some(({ options }) =>
      options.some((option) => option.required && [option.short, option.long].includes(before))
    );
}

/** The commands and their options. */
function commandSpec(host: Host): CommandSpec {
  return specOf(createProgram(host, () => {}));
}

/** The names of the commands, in the order of the help. */
export function commandNames(host: Host): string[] {
  return createProgram(host, () => {}).commands.map((command) => command.name());
}
