/** `watch`: runs tasks whenever they are due. `serve` does the same beside a page. */

import { parseDuration } from "../config/schema/fields.ts";
import { configFiles, openConfigSource } from "../config/load.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { isNamed } from "../core/task.ts";
import { escapeControl } from "../core/text.ts";
import { formatCount, formatDuration, plural, relativeTime, wrapWords } from "../report/format.ts";
import { LOG_FORMATS, logOutput } from "../report/log.ts";
import { tickReporter } from "../report/tick.ts";
import type { Wake } from "../schedule/due.ts";
import { createControl, type WatchControl } from "../worker/control.ts";
import { abortOnSignals, type Signals } from "../worker/signals.ts";
import { openStorage, SharedStorage } from "../worker/storage.ts";
import type { DueSnapshot, Overrun } from "../worker/tick.ts";
import { type WatchEvent, type WatchTarget, watchTasks } from "../worker/watch.ts";
import { shortPath } from "./doctor/permissions.ts";
import { reportError } from "./errors.ts";
import type { CommandHost, Flags } from "./flags.ts";
import { prepareRun, urlsAmong } from "./prepare.ts";
import { writeLines } from "./output.ts";
import { executeOf } from "./workers.ts";
import { consoleOptions, createReporters } from "./reporters.ts";

/** Receives what a daemon does. */
export interface DaemonListener {
  /** Called with the events of each run. */
  readonly report: Reporter["report"];
  readonly onEvent: (event: WatchEvent) => void;
}

/** A watch that is ready to start. Disposal closes its storage. */
export interface Daemon extends AsyncDisposable {
  /** The first config. */
  readonly first: WatchTarget;
  readonly control: WatchControl;
  readonly storage: SharedStorage;
  /** Numbers of the current run, updated as it proceeds. */
  readonly progress: Progress;
  /**
   * Runs the tasks whenever they are due, until a signal arrives and the grace period ends.
   *
   * @throws {CronfetchError} `state.` and `store.` codes if the first state cannot be opened.
   */
  run(signals: Signals, listener?: DaemonListener): Promise<void>;
}

/**
 * Loads the config. Sends no request yet.
 *
 * @param operands Ids of the only tasks to consider.
 * @throws {CronfetchError} `usage` and `config.` codes.
 */
export async function prepareDaemon(
  operands: readonly string[],
  flags: Flags,
  host: CommandHost,
): Promise<Daemon> {
  const graceMs = graceOf(flags);
  const executeFor = await executeOf(flags, host);
  const rereadable = withCachedStdin(host);
  const configs = await openConfigSource({
    load: (reload, beforeRead) => prepareRun(operands, flags, rereadable, { reload, beforeRead }),
    files: () => configFiles({ files: flags.config, urls: urlsAmong(operands) }, host),
    timers: host.timers,
  });
  const { first } = configs;
  const control = createControl();
  const storage = new SharedStorage(first.config, (locations) => openStorage(locations, host));
  const progress: Progress = { bytes: 0, running: new Map() };
  const isTerminal = host.stderr.isTerminal();
  return {
    ...{ first, control, storage, progress },
    run: async (signals, listener) => {
      let { config } = first;
      const timezoneOf = (id: string) =>
        config.tasks.find(({ task }) => task.id === id)?.task.timezone ?? "UTC";
      const timeOf = ({ at, task }: Wake) =>
        isTerminal ? zonedTime(at, timezoneOf(task), host.clock.now()) : logTime(at);
      await watchTasks({
        ...{ host, configs, control, storage, progress, graceMs, executeFor },
        emit: (event) => {
          if (event.kind === "started" || event.kind === "reloaded") config = event.target.config;
          const text = describeWatchEvent(event, { ...flags, cwd: host.cwd(), timeOf });
          if (text !== null) {
            const free = isTerminal ? host.stderr.columns() - 1 : Infinity;
            writeLines(wrapWords(text.split(" "), { first: free, rest: free }), host);
          }
          if (event.kind === "refused") reportError(event.error, [], host);
          listener?.onEvent(event);
        },
        openReporters: async ({ config, selected }) => {
          const all = config.tasks.map(({ task }) => task.id);
          const ids = selected === null ? all : all.filter((id) => selected.has(id));
          const context = { flags, config, host, progress, ids };
          const timezone = config.tasks[0]?.task.timezone ?? "UTC";
          const console = tickReporter({
            ...await consoleOptions(context, false),
            clock: host.clock,
            timeOf: isTerminal ? (at) => `${clockTime(at, timezone)}  ` : null,
          });
          return [
            ...await createReporters(context, console),
            ...(listener ? [{ report: listener.report, close: () => Promise.resolve() }] : []),
          ];
        },
        stop: signals.signal,
        interruptedExitCode: signals.exitCode,
      });
    },
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}

const DEFAULT_GRACE_MS = 30_000;

export function graceOf({ grace }: Pick<Flags, "grace">): number {
  if (grace === undefined) return DEFAULT_GRACE_MS;
  const graceMs = parseDuration(grace);
  if (graceMs !== null) return graceMs;
  const message = `--grace: must be a duration such as 30s, not ${JSON.stringify(grace)}`;
  throw new CronfetchError("usage", message);
}

/** A host whose standard input can be read again, for a config that is reloaded from it. */
function withCachedStdin(host: Host): Host {
  let text: Promise<string | null> | null = null;
  return { ...host, readStdin: (maxBytes) => text ??= host.readStdin(maxBytes) };
}

/** A host whose standard error is a log, unless it is a terminal and no format is requested. */
export function loggingHost(flags: Pick<Flags, "logFormat">, host: CommandHost): CommandHost {
  const { logFormat } = flags;
  const format = LOG_FORMATS.find((known) => known === logFormat) ??
    (host.stderr.isTerminal() ? null : "text");
  if (format === null) return host;
  return { ...host, stderr: logOutput(host.stderr, { clock: host.clock, format }) };
}

/** How events of a watch are described. */
export interface WatchTextOptions extends Pick<Flags, "quiet"> {
  /** Paths are shown relative to it. */
  readonly cwd: string;
  readonly timeOf: (wake: Wake) => string;
}

/**
 * Describes an event of a watch.
 *
 * @returns Text without a final line feed, or null for an event that the flags hide.
 */
export function describeWatchEvent(event: WatchEvent, options: WatchTextOptions): string | null {
  const { quiet } = options;
  switch (event.kind) {
    case "recovered":
      return null;
    case "started":
      return quiet ? null : `watching ${describeTarget(event, options)}`;
    case "reloaded":
      return quiet ? null : `reloaded ${describeTarget(event, options)}`;
    case "refused":
      return "error: the changed config cannot be used; the last one stays in force";
    case "waiting":
      return quiet ? null : describeWake(event.wake, options) + describeFailing(event.failing);
    case "failing":
      return `error: ${escapeControl(event.error.message)}; trying again`;
    case "overran":
      return quiet ? null : describeOverrun(event.tasks);
    case "stopping":
      return quiet
        ? null
        : `stopping after the current run, in ${formatDuration(event.graceMs)} at most; ` +
          "a second signal exits immediately";
    default:
      return event satisfies never;
  }
}

/** `cronfetch.jsonc: 3 tasks, 1 due now`. */
function describeTarget(
  { target: { config, selected }, snapshot: { plan, due, wake, failing } }: {
    readonly target: WatchTarget;
    readonly snapshot: DueSnapshot;
  },
  options: WatchTextOptions,
): string {
  const files = config.files.map((file) => shortPath(file, options.cwd));
  const where = files.length === 0 ? "the config" : files.join(" and ");
  const count = plan.entries.filter(({ task }) => isNamed(task, selected)).length;
  const next = due > 0 ? `${due} due now` : describeWake(wake, options) + describeFailing(failing);
  return escapeControl(`${where}: ${plural(count, "task")}, ${next}`);
}

/** `next: rates at 17:31 UTC (in 12 min)`. */
function describeWake(wake: Wake | null, { timeOf }: WatchTextOptions): string {
  if (!wake) return "no task has a schedule; waiting for a change of the config";
  return escapeControl(`next: ${wake.task} at ${timeOf(wake)}`);
}

/** Failing tasks that are named. */
const MOST_FAILING = 3;

/** `; failing: rates, stations`: the tasks that nothing else in the line mentions. */
function describeFailing(failing: readonly string[]): string {
  if (failing.length === 0) return "";
  const more = failing.length - MOST_FAILING;
  const named = failing.slice(0, MOST_FAILING).map(escapeControl).join(", ");
  return `; failing: ${named}${more > 0 ? ` and ${formatCount(more)} more` : ""}`;
}

/** A time for logs. */
function logTime(at: Temporal.Instant): string {
  return at.toString({ smallestUnit: "second" });
}

/** A time of day: `17:31:02`. */
function clockTime(at: Temporal.Instant, timezone: string): string {
  return at.toZonedDateTimeISO(timezone).toPlainTime().toString({ smallestUnit: "second" });
}

/** A time for people: `17:31 UTC (in 12 min)`, with the date unless it is today. */
function zonedTime(at: Temporal.Instant, timezone: string, now: Temporal.Instant): string {
  const zoned = at.toZonedDateTimeISO(timezone);
  const isToday = now.toZonedDateTimeISO(timezone).toPlainDate().equals(zoned.toPlainDate());
  const date = isToday ? "" : `${zoned.toPlainDate()} `;
  const time = zoned.toPlainTime().toString({ smallestUnit: "minute" });
  return `${date}${time} ${timezone} (${relativeTime(at, now)})`;
}

function describeOverrun(tasks: readonly Overrun[]): string {
  const [first] = tasks;
  if (!first) return "";
  const more = tasks.length === 1 ? "" : ` and ${plural(tasks.length - 1, "other task")}`;
  const tick = first.tick.toString({ smallestUnit: "second" });
  return escapeControl(
    `warning: the run took longer than the schedule of ${first.task}${more} allows: ` +
      `the tick of ${tick} is skipped`,
  );
}

/**
 * Runs the tasks whenever they are due, until a signal arrives.
 *
 * @param operands Ids of the only tasks to consider.
 * @returns 130 or 143.
 * @throws {CronfetchError} `usage` and `config.` codes for the first config; `state.` and `store.`
 * codes if its state cannot be opened.
 */
export async function watch(
  operands: readonly string[],
  flags: Flags,
  terminal: CommandHost,
): Promise<number> {
  const host = loggingHost(flags, terminal);
  await using daemon = await prepareDaemon(operands, flags, host);
  using signals = abortOnSignals(host);
  await daemon.run(signals);
  return signals.exitCode();
}
