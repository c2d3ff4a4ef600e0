/** The reporters of a run, according to the flags and the environment. */

import { isAbsolute, relative, resolve, SEPARATOR } from "@std/path";
import type { Config } from "../config/config.ts";
import { variable } from "../config/variables.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { escapeControl } from "../core/text.ts";
import { type ConsoleOptions, plainDisplay } from "../report/console.ts";
import { colorWanted, displayWidth, painter } from "../report/format.ts";
import type { RepositoryPlace } from "../report/github.ts";
import type { CommandHost, Flags } from "./flags.ts";
import { lineWriter, storeText } from "./output.ts";

/** The formats of a report. */
const REPORT_KINDS = ["junit", "html"] as const;

/** A report requested by `--report`. */
export interface ReportRequest {
  readonly kind: typeof REPORT_KINDS[number];
  /** Absolute. */
  readonly path: string;
}

/**
 * Reads the values of `--report`.
 *
 * @param values `KIND=FILE` each; a relative file is one in `cwd`.
 * @throws {CronfetchError} `usage`.
 */
export function reportRequests(values: readonly string[], cwd: string): ReportRequest[] {
  return values.map((value) => {
    const [, name = "", file = ""] = /^([^=]*)=(.*)$/s.exec(value) ?? [];
    const kind = REPORT_KINDS.find((known) => known === name);
    if (kind !== undefined && file !== "") return { kind, path: resolve(cwd, file) };
    const forms = REPORT_KINDS.map((known) => `${known}=FILE`).join(" or ");
    throw new CronfetchError("usage", `--report needs ${forms}, not ${JSON.stringify(value)}`);
  });
}

/** Creates the reporters of `--report`. An HTML report is written after the run, from the state. */
export async function fileReporters(
  requests: readonly ReportRequest[],
  host: Host,
): Promise<Reporter[]> {
  const reporters: Reporter[] = [];
  for (const { kind, path } of requests) {
    switch (kind) {
      case "junit": {
        const { junitReporter } = await import("../report/junit.ts");
        reporters.push(junitReporter({ path, host, warn: lineWriter(host) }));
        break;
      }
      case "html":
        break;
      default:
        kind satisfies never;
    }
  }
  return reporters;
}

/** What the reporters of a run need to know. */
export interface ReportContext {
  readonly flags: Pick<Flags, "config" | "json" | "quiet" | "verbose">;
  readonly config: Config;
  readonly host: CommandHost;
  /** Progress of the run. */
  readonly progress: Progress;
  /** Ids of the tasks that may run. */
  readonly ids: Iterable<string>;
}

/** Ids longer than this are not aligned. */
const MOST_ID_COLUMNS = 32;

/**
 * The output of the console, and how it is formatted.
 *
 * @param showsPaths Whether files are shown with their paths.
 */
export async function consoleOptions(
  { flags, config, host, progress, ids }: ReportContext,
  showsPaths: boolean,
): Promise<ConsoleOptions> {
  let idColumns = 0;
  for (const id of ids) idColumns = Math.max(idColumns, displayWidth(escapeControl(id)));
  const { clock, timers, stderr: output } = host;
  const paint = painter(colorWanted((name) => variable(name, host), output.isTerminal()));
  const verbosity = flags.quiet ? "quiet" : flags.verbose ? "verbose" : "normal";
  // Loaded on demand: a run of cron has no terminal.
  const display = output.isTerminal() && !flags.quiet
    ? (await import("../report/live_display.ts"))
      .liveDisplay({ output, progress, clock, timers, paint })
    : plainDisplay(output);
  return {
    ...{ display, output, paint, verbosity },
    idColumns: Math.min(idColumns, MOST_ID_COLUMNS),
    destination: {
      store: config.store.kind === "memory" ? null : storeText(config.store, host),
      showsPaths,
    },
  };
}

/**
 * Creates the reporters of a run besides those of `--report`. The rarely used ones are loaded on
 * demand.
 *
 * @param console The reporter that writes text for people.
 */
export async function createReporters(
  { flags, config, host }: ReportContext,
  console: Reporter,
): Promise<Reporter[]> {
  const { store, state } = config;
  const reporters: Reporter[] = [];
  if (host.workflow) {
    const { githubReporter } = await import("../report/github.ts");
    // It opens a group in the log before the other reporters write to it.
    reporters.push(githubReporter({
      log: host.workflow,
      host,
      summaryFile: variable("GITHUB_STEP_SUMMARY", host) ?? null,
      outputFile: variable("GITHUB_OUTPUT", host) ?? null,
      // Later steps may commit these.
      outputs: {
        store: store.kind === "folder" ? store.path : "",
        state: state.kind === "file" ? state.path : "",
      },
      placeOf: await repositoryPlaces(flags, config, host),
      group: !flags.quiet,
    }));
  }
  if (flags.json) {
    const { ndjsonReporter } = await import("../report/ndjson.ts");
    reporters.push(ndjsonReporter(host.stdout));
  }
  reporters.push(console);
  return reporters;
}

/** Places of tasks for annotations. GitHub shows those in files of the checked-out repository. */
async function repositoryPlaces(
  flags: Pick<Flags, "config">,
  config: Config,
  host: Host,
): Promise<(task: string) => RepositoryPlace | null> {
  const root = variable("GITHUB_WORKSPACE", host);
  // Standard input cannot be read again.
  if (root === undefined || flags.config.includes("-")) return () => null;
  const { openTaskPlaces } = await import("../config/task_places.ts");
  const find = await openTaskPlaces(config, host);
  return (task) => {
    const place = find(task);
    if (place === null) return null;
    const file = relative(root, place.file);
    if (file.startsWith("..") || isAbsolute(file)) return null;
    return { file: file.replaceAll(SEPARATOR, "/"), line: place.line };
  };
}
