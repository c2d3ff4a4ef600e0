/** The command line: commands and flags in, a call on a command, an exit code out. */

import { Argument, Command, CommanderError, Option } from "commander";
import manifest from "../../deno.json" with { type: "json" };
import { errorStack } from "../core/text.ts";
import { deliver, inWorkflow } from "./output.ts";
import type { CommandSpec, OptionSpec, Shell, SubcommandSpec } from "./completions.ts";
import { OVERRIDES } from "../config/input.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { type Action, type Flags, NO_FLAGS } from "./flags.ts";
import { EXIT, EXIT_CODES } from "../core/result.ts";

/**
 * Runs one command line. Libraries that only one command needs are loaded by
 * that command alone, so that the others start fast.
 *
 * @param args What stands behind the program's name.
 * @param world What it runs in.
 * @returns The exit code; see `EXIT`. The process is not ended here.
 */
export async function main(args: readonly string[], world: Host): Promise<number> {
  const host = inWorkflow(world);
  let exitCode: number = EXIT.good;
  const program = createProgram(host, async (action, operands, flags) => {
    exitCode = await action(operands, flags, host);
  });
  try {
    await program.parseAsync(args, { from: "user" });
    // Else the process could end well before a rejection that nobody handles ends it badly.
    await host.timers.sleep(0, new AbortController().signal);
  } catch (error) {
    exitCode = complain(error, host);
  }
  return await deliver(exitCode, host);
}

/** Tells a person what went wrong, and gives the exit code for it. */
function complain(error: unknown, host: Host): number {
  // What went wrong in closing what had failed already says nothing new.
  if (error instanceof SuppressedError) return complain(error.suppressed, host);
  // Commander has said it already; help and version end here too, with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.good : EXIT.usage;
  if (error instanceof CronfetchError) {
    host.stderr.write(`${error.message}\n`);
    const { code } = error;
    if (code === "usage" || code.startsWith("config.") || code === "state.unreadable") {
      return EXIT.usage;
    }
    if (error.code === "internal") return EXIT.bug;
    return error.retry === "never" ? EXIT.failed : EXIT.temporary;
  }
  const said = errorStack(error);
  host.stderr.write(`This is a bug in cronfetch; please report it.\n${said}\n`);
  return EXIT.bug;
}

/** Carries out what a command line asks for. */
export type Perform = (action: Action, operands: readonly string[], flags: Flags) => Promise<void>;

/** The tree of commands. Building it loads and does nothing. */
export function createProgram(host: Host, perform: Perform): Command {
  const program = new Command("cronfetch")
    .description("Keeps a folder of remote files up to date, and every file in it whole.")
    .version(`cronfetch ${manifest.version}`, "-V, --version", "show the version")
    .helpOption("-h, --help", "show help")
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText("after", `\nExit codes:\n${exitCodeLines()}`);

  /** Adds a command; `name` holds its operands too, as commander writes them. */
  const command = (name: string, summary: string, action: Action): Command => {
    const added = program.command(name).description(summary).helpOption("-h, --help", "show help");
    added.action((...given: unknown[]) => {
      const operands = added.args;
      const flags = { ...NO_FLAGS, ...(given.at(-2) as Partial<Flags>) };
      return perform(action, operands, flags);
    });
    return added;
  };

  const run = command(
    "run [TASK|URL...]",
    "download what the config names, or the given tasks or URLs",
    async (...given) => (await import("./run.ts")).run(...given),
  );
  withConfig(run.optionsGroup("What to run:"))
    .option("--due", "only what is due by its schedule")
    .option(
      "--force",
      "ignore ETag and Last-Modified: fetch whole files, and\n" +
        "publish older ones too; expectations still apply",
    )
    .option("-n, --dry-run", "show what would run, and request nothing");
  withLimits(run);
  withOutput(run)
    .option(
      "--report <KIND=FILE>",
      "write the results to a file; kinds: junit; may be repeated",
      repeated,
    );

  const watch = command(
    "watch [TASK...]",
    "stay, and run what is due whenever it is; follows changes of the config",
    async (...given) => (await import("./daemon.ts")).watch(...given),
  );
  withConfig(watch.optionsGroup("What to watch:"));
  withGrace(withLimits(watch));
  withOutput(watch);

  const plan = command(
    "plan [TASK|URL...]",
    "show what would run and why, without the network",
    async (...given) => (await import("./plan.ts")).plan(...given),
  );
  withConfig(plan.optionsGroup("What to plan:"))
    .option("--due", "only what is due by its schedule");
  plan.optionsGroup("Output:").option("--json", "one JSON object a line on standard output");

  const status = command(
    "status [TASK...]",
    "show how each task fares; exit 3 if one is unhealthy or stale",
    async (...given) => (await import("./status.ts")).status(...given),
  );
  withConfig(status.optionsGroup("What to show:"));
  status.optionsGroup("Output:").option("--json", "one JSON object a line on standard output");

  const serve = command(
    "serve [TASK...]",
    "stay like watch, and show how each task fares on a page for browsers",
    async (...given) => (await import("./serve.ts")).serve(...given),
  );
  withConfig(serve.optionsGroup("What to watch and show:"));
  serve.optionsGroup("The page:")
    .option("--port <N>", "of the page (default: 8788)")
    .option("--hostname <HOST>", "to listen on (default: 127.0.0.1)")
    .addOption(
      new Option("--view", "only show what other processes do: run and write nothing")
        .conflicts(["grace", "json"]),
    );
  withGrace(withLimits(serve));
  withOutput(serve).addHelpText("after", `\nEnvironment:\n${TOKEN_HELP}`);

  const verify = command(
    "verify [TASK...]",
    "hold published files against their digests; exit 3 if one differs",
    async (...given) => (await import("./verify.ts")).verify(...given),
  );
  withConfig(verify.optionsGroup("What to verify:"))
    .option("--fix", "make the next run fetch what is edited or missing");
  verify.optionsGroup("Output:").option("--json", "one JSON object a line on standard output");

  const doctor = command(
    "doctor",
    "check that a run would work here, and show the permissions it needs",
    async (...given) => (await import("./doctor/doctor.ts")).doctor(...given),
  );
  withEgress(withConfig(doctor.optionsGroup("What to check:")));
  doctor.optionsGroup("Output:").option("--json", "one JSON object a line on standard output");

  command(
    "init [FILE]",
    "write a commented config (default: cronfetch.jsonc)",
    async (...given) => (await import("./init.ts")).init(...given),
  ).option("--force", "replace a file that is there");

  command(
    "schema",
    "print the JSON Schema of the config",
    async (...given) => (await import("./init.ts")).schema(...given),
  ).option("--event", "of a line of --json instead");

  command(
    "completions",
    "print a completion script for a shell",
    async ([shell], _flags, host) => {
      const { completionScript } = await import("./completions.ts");
      host.stdout.write(completionScript(shell as Shell, specOf(program)));
      return EXIT.good;
    },
  ).addArgument(new Argument("<SHELL>", "which shell").choices(SHELLS));
  return program;
}

const SHELLS = ["bash", "zsh", "fish"] as const satisfies readonly Shell[];

/** Help is the same on every terminal, so that it can be read in the README too. */
const HELP_WIDTH = 80;

function repeated(value: string, before: readonly string[] | undefined): string[] {
  return [...before ?? [], value];
}

/** Where the tasks come from. */
function withConfig(command: Command): Command {
  return command
    .option(
      "-c, --config <FILE>",
      "a config file; - for standard input; may be repeated\n" +
        "(default: cronfetch.jsonc, .json, .yaml, .yml, .ts or .txt, here or above)",
      repeated,
    )
    .option("--only <TASK>", "only this task; may be repeated", repeated)
    .option(
      "-o, --output <STORE>",
      "where files go, or for one URL the file (default: the config's, or " +
        `${OVERRIDES.store.default})`,
    )
    .option(
      "--state <STATE>",
      "what is remembered, and where (default: the config's;\n" +
        "nothing where only URLs are given)",
    );
}

/** The flag for the egress rule. */
function withEgress(command: Command): Command {
  return command.option(
    "--allow-private",
    "let public hosts redirect or resolve to private addresses",
  );
}

/** Flags that overrule the config's numbers. */
function withLimits(command: Command): Command {
  return withEgress(command.optionsGroup("Limits:"))
    .option("--timeout <DURATION>", `for one attempt (default: ${OVERRIDES.timeout.default})`)
    .option("--deadline <DURATION>", `for the whole run (default: ${OVERRIDES.deadline.default})`)
    .option(
      "--retries <N>",
      `further attempts after the first (default: ${OVERRIDES.retries.default})`,
    )
    .option("--max-concurrency <N>", `tasks at once (default: ${OVERRIDES.maxConcurrency.default})`)
    .option(
      "--host-concurrency <N>",
      `tasks at once for one host (default: ${OVERRIDES.hostConcurrency.default})`,
    )
    .option(
      "--limit-rate <SIZE>",
      `bytes a second for all tasks (default: ${OVERRIDES.limitRate.default})`,
    )
    .option(
      "--max-filesize <SIZE>",
      `refuse a larger file (default: ${OVERRIDES.maxFilesize.default})`,
    );
}

/** The time that a run under way is given. */
function withGrace(command: Command): Command {
  return command.option(
    "--grace <DURATION>",
    "how long a run may go on after SIGTERM or Ctrl-C\n(default: 30s)",
  );
}

/** What only `serve` reads. */
const TOKEN_HELP = `\
  CRONFETCH_TOKEN         what visitors must enter on the page to run, pause and
                          resume tasks; where it is not set, nobody can`;

/** What people and programs are told. */
function withOutput(command: Command): Command {
  return command.optionsGroup("Output:")
    .option("--json", "events as NDJSON on standard output")
    .addOption(new Option("-q, --quiet", "only what went wrong").conflicts("verbose"))
    .option("-v, --verbose", "starts, retries and timings too");
}

/** The exit codes and their meanings, as in help and the docs. */
export function exitCodeRows(): [code: string, meaning: string][] {
  return (Object.keys(EXIT) as (keyof typeof EXIT)[])
    .map((name) => [`${EXIT[name]}`, EXIT_CODES[name].meaning]);
}

function exitCodeLines(): string {
  return exitCodeRows().map(([code, meaning]) => `  ${code.padEnd(9)} ${meaning}`).join("\n");
}

/** The command tree as completions need it. */
function specOf(program: Command): CommandSpec {
  return {
    name: program.name(),
    options: program.options.map(optionSpec),
    commands: program.commands.map((command): SubcommandSpec => ({
      name: command.name(),
      description: command.description(),
      options: command.options.map(optionSpec),
      ...(command.name() === "completions" ? { arguments: { values: SHELLS } } : {}),
      ...(command.name() === "init" ? { arguments: { file: true } } : {}),
    })),
  };
}

function optionSpec(option: Option): OptionSpec {
  return {
    flags: [option.short, option.long].filter((flag) => typeof flag === "string"),
    description: option.description.split("\n")[0] ?? "",
    takesValue: option.required,
    ...(["--config", "--output"].includes(option.long ?? "") ? { file: true } : {}),
  };
}
