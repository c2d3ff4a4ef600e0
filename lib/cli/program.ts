/** The commands and options of the command line. The only module that imports commander. */

import { Argument, Command, CommanderError, Option } from "commander";
import { OVERRIDES } from "../config/override_table.ts";
import type { Host } from "../core/host.ts";
import { EXIT, exitCodeRows } from "../core/result.ts";
import type { LogFormat } from "../report/log.ts";
import type { CommandSpec, OptionSpec, Shell, SubcommandSpec } from "./completions/spec.ts";
import { type Action, type Flags, NO_FLAGS, STATE_ACTIONS } from "./flags.ts";

export { type Command, CommanderError as ParseStop } from "commander";

/** A parsed command line. */
export interface Invocation {
  readonly action: Action;
  readonly operands: readonly string[];
  readonly flags: Flags;
}

/** Code of the error that ends the parsing of arguments, since a version needs no command. */
export const VERSION_REQUESTED = "cronfetch.version";

/**
 * Builds the tree of commands, without loading them.
 *
 * @param onCommand Called with the command of the parsed arguments.
 * @param onHelp Called with the name of a command after its help.
 */
export function createProgram(
  host: Host,
  onCommand: (parsed: Invocation) => void,
  onHelp: (command: string) => void = () => {},
): Command {
  const program = new Command("cronfetch")
    .description("Keeps a folder of remote files up to date, and every file in it complete.")
    .option("-V, --version", "show the version")
    .on("option:version", () => {
      const action: Action = async (...given) => (await import("./version.ts")).version(...given);
      onCommand({ action, operands: [], flags: NO_FLAGS });
      throw new CommanderError(EXIT.good, VERSION_REQUESTED, "");
    })
    .helpOption("-h, --help", "show help")
    .helpCommand(false)
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      // `usage.ts` writes them in the form of other errors.
      outputError: () => {},
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText("after", `\nExit codes:\n${exitCodeLines()}`)
    .addHelpText("after", "\ncronfetch help COMMAND shows the options and examples of a command.");

  /** Adds a command. The syntax of its operands is part of `name`. */
  const command = (name: string, summary: string, action: Action): Command => {
    const added = program.command(name).description(summary).helpOption("-h, --help", "show help");
    added.action((...given: unknown[]) => {
      const operands = added.args;
      const flags = { ...NO_FLAGS, ...(given.at(-2) as Partial<Flags>) };
      onCommand({ action, operands, flags });
    });
    return added.on("afterAllHelp", () => onHelp(added.name()));
  };

  const run = command(
    "run [TASK|URL...]",
    "download the tasks of the config, or the given tasks or URLs",
    async (...given) => (await import("./run.ts")).run(...given),
  );
  withConfig(run.optionsGroup("What to run:"))
    .option("--due", "only tasks that are due by their schedules")
    .option(
      "--force",
      "ignore ETag and Last-Modified: fetch whole files, and\n" +
        "publish older ones too; expectations still apply",
    )
    .option("--since <DATE>", 'fetch older dates of tasks with "dates", from this one on')
    .option("--until <DATE>", "the last of these dates (default: today)")
    .option("-n, --dry-run", "show what would run, without sending requests");
  withLimits(run);
  withOutput(run)
    .option(
      "--report <KIND=FILE>",
      "write the results to a file; may be repeated; kinds:\n" +
        "junit, and html (the status page as one file)",
      repeated,
    );

  const watch = command(
    "watch [TASK...]",
    "run continuously: download tasks when they are due, reload a changed config",
    async (...given) => (await import("./daemon.ts")).watch(...given),
  );
  withConfig(watch.optionsGroup("What to watch:"));
  withGrace(withLimits(watch));
  withLog(withOutput(watch));

  const work = command(
    "work",
    "run continuously as one of many workers that share a state in Postgres",
    async (...given) => (await import("./work.ts")).work(...given),
  );
  withStore(withConfigFile(work.optionsGroup("What to work on:")))
    .option("--hosts <GLOB>", "only tasks of these hosts: *.example.org")
    .option("--once", "exit when nothing is due")
    .option("--no-plan", "leave it to other workers to find what is due");
  withGrace(
    work.optionsGroup("The worker:")
      .option("--name <NAME>", "its name in the list of workers (default: a random one)")
      .option("--concurrency <N>", "concurrent tasks (default: limits.concurrency of the config)"),
  );
  withLog(withOutput(work));

  const workers = command(
    "workers",
    "list the workers that share the state, or drain one",
    async (...given) => (await import("./fleet.ts")).workers(...given),
  );
  withStore(withConfigFile(workers.optionsGroup("What to show:")))
    .option("--drain <NAME>", "make this worker finish its slices, and exit");
  workers.optionsGroup("Output:").option("--json", "one JSON object per line on standard output");

  const plan = command(
    "plan [TASK|URL...]",
    "show what would run and why, without sending requests",
    async (...given) => (await import("./plan.ts")).plan(...given),
  );
  withConfig(plan.optionsGroup("What to plan:"))
    .option("--due", "only tasks that are due by their schedules");
  plan.optionsGroup("Output:").option("--json", "one JSON object per line on standard output");

  const status = command(
    "status [TASK...]",
    "show each task's health; exit 3 if one is unhealthy or stale",
    async (...given) => (await import("./status/status.ts")).status(...given),
  );
  withConfig(status.optionsGroup("What to show:"))
    .option("--failing", "only tasks that are unhealthy, failing or stale")
    .option("--all", "every task, however many they are")
    .option("--run <ID>", "the results of one run: its id, the beginning of it, or last");
  status.optionsGroup("Output:").option("--json", "one JSON object per line on standard output");

  const serve = command(
    "serve [TASK...]",
    "run continuously like watch, and serve a status page for browsers",
    async (...given) => (await import("./serve.ts")).serve(...given),
  );
  withConfig(serve.optionsGroup("What to watch and show:"));
  serve.optionsGroup("The page:")
    .option("--port <N>", "port to listen on (default: 8788)")
    .option("--hostname <HOST>", "address to listen on (default: 127.0.0.1)")
    .addOption(
      new Option("--view", "read-only: show state written by other processes")
        .conflicts(["grace", "json"]),
    );
  withGrace(withLimits(serve));
  withLog(withOutput(serve)).addHelpText("after", `\nEnvironment:\n${TOKEN_HELP}`);

  const verify = command(
    "verify [TASK...]",
    "check published files against recorded digests; exit 3 if one differs",
    async (...given) => (await import("./verify/verify.ts")).verify(...given),
  );
  withConfig(verify.optionsGroup("What to verify:"))
    .option("--fix", "make the next run fetch edited and missing files");
  verify.optionsGroup("Output:").option("--json", "one JSON object per line on standard output");

  const doctor = command(
    "doctor",
    "check whether a run would work here, and show the permissions it needs",
    async (...given) => (await import("./doctor/doctor.ts")).doctor(...given),
  );
  withEgress(withConfig(doctor.optionsGroup("What to check:")));
  doctor.optionsGroup("Output:").option("--json", "one JSON object per line on standard output");

  const alerts = command(
    "alerts",
    "send a test alert to each target: alerts test",
    async (...given) => (await import("./alerts.ts")).alerts(...given),
  ).addArgument(new Argument("<ACTION>", "what to do").choices(["test"]));
  withConfigFile(alerts.optionsGroup("What to test:"))
    .option("--to <N>", "only the alert at this position in the config, from 1");
  alerts.optionsGroup("Output:").option("--json", "one JSON object per line on standard output");

  const state = command(
    "state",
    "migrate, check or copy the state: state copy FROM TO",
    async (...given) => (await import("./state.ts")).state(...given),
  ).addArgument(stateArgument())
    .option("--force", "copy: into a state that is not empty");
  withConfigFile(state.optionsGroup("What to use:"));
  state.optionsGroup("Output:").option("--json", "one JSON object per line on standard output");

  command(
    "init [FILE|URL...]",
    "write a config (default: cronfetch.jsonc), with these URLs as tasks",
    async (...given) => (await import("./init.ts")).init(...given),
  )
    .option(
      "--import <TEXT|FILE>",
      "convert a command line of curl or wget, or a file:\n" +
        "a script, a crontab, URLs, or a workflow of Flat",
    )
    .option("--force", "replace an existing file");

  command(
    "schema",
    "print the JSON Schema of the config",
    async (...given) => (await import("./init.ts")).schema(...given),
  ).option("--event", "print the schema of a line of --json instead")
    .option("--change", "print that of the document that onChange sends instead");

  command(
    "completions",
    "print a completion script for a shell",
    async ([shell], flags, host) => {
      const { completions } = await import("./completions/completions.ts");
      return await completions(shell as Shell, specOf(program), flags, host);
    },
  ).addArgument(new Argument("<SHELL>", "which shell").choices(SHELLS))
    // Only the scripts use these.
    .addOption(new Option("--tasks").hideHelp())
    .addOption(new Option("-c, --config <FILE>").argParser(repeated).hideHelp());
  return program;
}

/** Help has the same width on every terminal, because the README quotes it. */
const HELP_WIDTH = 80;

const SHELLS = ["bash", "zsh", "fish"] as const satisfies readonly Shell[];

/** The action of `state`, and locations: as two arguments, they would widen the list of commands. */
function stateArgument(): Argument {
  const what = "what to do, and with which states (default: the config's)";
  return Object.assign(new Argument("<ACTION...>", what), { argChoices: [...STATE_ACTIONS] });
}

/** Collects the values of an option that may be repeated. */
function repeated(value: string, before: readonly string[] | undefined): string[] {
  return [...before ?? [], value];
}

/** The option that selects the config. */
function withConfigFile(command: Command): Command {
  return command.option(
    "-c, --config <FILE>",
    "a config file; - for standard input; may be repeated\n" +
      "(default: cronfetch.jsonc, .json, .yaml, .yml, .ts or .txt, here or above)",
    repeated,
  );
}

/** Options that select the config and its tasks. */
function withConfig(command: Command): Command {
  return withStore(
    withConfigFile(command)
      .option("--only <TASK>", "only this task; may be repeated", repeated),
  );
}

/** Options that override where files and state are. */
function withStore(command: Command): Command {
  return command
    .option(
      "-o, --output <STORE>",
      "where to store files; for one URL also its file (default: the config's, or " +
        `${OVERRIDES.store.default})`,
    )
    .option(
      "--state <STATE>",
      "where to keep state (default: the config's;\n" +
        "none if only URLs are given)",
    );
}

/** The option for the egress policy. */
function withEgress(command: Command): Command {
  return command.option(
    "--allow-private",
    "allow a public host to redirect or resolve to a private address",
  );
}

/** Options that override the limits of the config. */
function withLimits(command: Command): Command {
  return withEgress(command.optionsGroup("Limits:"))
    .option("--timeout <DURATION>", `limit of one attempt (default: ${OVERRIDES.timeout.default})`)
    .option(
      "--deadline <DURATION>",
      `limit of the whole run (default: ${OVERRIDES.deadline.default})`,
    )
    .option(
      "--retries <N>",
      `further attempts after the first (default: ${OVERRIDES.retries.default})`,
    )
    .option(
      "--max-concurrency <N>",
      `concurrent tasks (default: ${OVERRIDES.maxConcurrency.default})`,
    )
    .option(
      "--host-concurrency <N>",
      `concurrent tasks per host (default: ${OVERRIDES.hostConcurrency.default})`,
    )
    .option(
      "--limit-rate <SIZE>",
      `bytes per second over all tasks (default: ${OVERRIDES.limitRate.default})`,
    )
    .option(
      "--max-filesize <SIZE>",
      `refuse larger files (default: ${OVERRIDES.maxFilesize.default})`,
    )
    .option("--workers <N>", "threads that execute tasks, each for some hosts (default: 1)")
    .option("--no-hooks", "do not invoke onChange for what is published, now or later");
}

/** The option for the grace period. */
function withGrace(command: Command): Command {
  return command.option(
    "--grace <DURATION>",
    "how long a run may continue after SIGTERM or Ctrl-C\n(default: 30s)",
  );
}

/** The environment variables of `serve`. */
const TOKEN_HELP = `\
  CRONFETCH_TOKEN         token to enter on the page to run, pause and resume
                          tasks; these actions are disabled if it is not set
  CRONFETCH_VIEW_TOKEN    token to read the page; without it everyone may`;

/** Options for the output of a run. */
function withOutput(command: Command): Command {
  return command.optionsGroup("Output:")
    .option("--json", "events as NDJSON on standard output")
    .addOption(new Option("-q, --quiet", "only failures and deferrals").conflicts("verbose"))
    .option("-v, --verbose", "also starts, retries and timings");
}

/** The option for the format of the log. */
function withLog(command: Command): Command {
  return command.addOption(
    new Option(
      "--log-format <FORMAT>",
      "text with times, or json: one object per line\n" +
        "(default: text; on a terminal without times)",
    ).choices(["text", "json"] satisfies readonly LogFormat[]),
  );
}

/** The examples of a command for its help; empty without any. */
function exitCodeLines(): string {
  return exitCodeRows().map(([code, meaning]) => `  ${code.padEnd(9)} ${meaning}`).join("\n");
}

const TASK_OPERANDS = /\[TASK/;

/** The command tree as completions need it. */
export function specOf(program: Command): CommandSpec {
  return {
    name: program.name(),
    options: program.options.map(optionSpec),
    commands: program.commands.map((command): SubcommandSpec => ({
      name: command.name(),
      description: command.description(),
      options: command.options.filter(({ hidden }) => !hidden).map(optionSpec),
      ...(TASK_OPERANDS.test(command.usage()) ? { arguments: { tasks: true } } : {}),
      ...argumentSpec(command.registeredArguments[0]?.argChoices),
      ...(command.name() === "init" ? { arguments: { file: true } } : {}),
    })),
  };
}

function argumentSpec(values?: string[]): Pick<SubcommandSpec, "arguments"> {
  return values ? { arguments: { values } } : {};
}

function optionSpec(option: Option): OptionSpec {
  return {
    flags: [option.short, option.long].filter((flag) => typeof flag === "string"),
    description: option.description.split("\n")[0] ?? "",
    takesValue: option.required,
    ...(["--config", "--import", "--output"].includes(option.long ?? "") ? { file: true } : {}),
    ...(option.long === "--config" ? { selectsConfig: true } : {}),
    ...(option.long === "--only" ? { tasks: true } : {}),
  };
}
