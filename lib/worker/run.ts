/** The pipeline: plan -> lease -> gather -> record -> report. */

import type { AlertConfig, Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter, RunEvent, RunOccurrence } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { createRunCounter, type RunSummary, type RunTrigger } from "../core/result.ts";
import type { Plan, Task } from "../core/task.ts";
import { NO_TELEMETRY, type Tracing } from "../core/telemetry.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { type Execute, executeTasks } from "./execute.ts";
import { type GatherContext, gatherTasks } from "./gather.ts";
import { createRunHistory, recordFailure } from "./history.ts";
import { type Leases, leaseTasks } from "./leases.ts";
import type { ListRefresh } from "./lists.ts";
import type { RunStorage } from "./storage.ts";
import { startDeadline } from "./signals.ts";
import type { PlannedKeys } from "./task.ts";

/** The part of a config that a run needs besides its plan. */
export type RunConfig =
  & AlertConfig
  & Pick<
    Config,
    "auth" | "files" | "limits" | "hostFiles" | "secretFiles" | "alertAfter" | "manifest" | "tasks"
  >;

/** What a run uses. The caller opens and closes the state. */
export interface RunContext {
  readonly host: Host;
  readonly storage: Pick<RunStorage, "state" | "openStore">;
  readonly trigger: RunTrigger;
  /** Creates the reporters of the run, which closes them. */
  readonly openReporters: () => readonly Reporter[] | Promise<readonly Reporter[]>;
  /** Updated during the run. */
  readonly progress: Progress;
  /** Ends the run early; every task still gets its result. */
  readonly signal: AbortSignal;
  /** The exit code of a run that `signal` has ended. */
  readonly interruptedExitCode: () => number;
  /** Executes the tasks. Default: {@linkcode executeTasks}, in this thread. */
  readonly execute?: Execute;
  /** Whether a task is paused, so that no alert about it is sent. Default: none is. */
  readonly isPaused?: (task: string) => boolean;
  /** How the lists of the plan are refreshed, before its other tasks run; absent without lists. */
  readonly lists?: ListRefresh;
}

/** How a run ended. */
export interface RunOutcome {
  /** Counts, and the exit code. */
  readonly summary: RunSummary;
  /** Why the state could not be written completely, or null. */
  readonly unsaved: CronfetchError | null;
}

/**
 * Runs the included tasks of a plan: opens the store and the reporters, leases the tasks, downloads
 * them, saves their records, closes what it has opened, and sends alerts. Every task yields exactly
 * one result.
 *
 * @throws {CronfetchError} `state.` and `store.` codes: the state cannot be read, or the store
 * cannot be opened. No task was started then, and no event was reported. The failure is recorded, if
 * the state can be written.
 */
export async function runTasks(
  config: RunConfig,
  plan: Plan,
  context: RunContext,
): Promise<RunOutcome> {
  const { host, host: { clock, random }, storage: { state }, trigger } = context;
  const startedAt = clock.now();
  const name = random.name().slice(0, 6);
  const run = `${startedAt.toString({ smallestUnit: "second" })}-${name}`;
  const ended = await alertingOnFailure({ ...context, config, state }, async () => {
    try {
      return await runPlan(config, plan, context, { run, startedAt });
    } catch (error) {
      await recordFailure(error, { run, startedAt, trigger, plan }, { state, clock });
      throw error;
    }
  });
  await writeWarnings(ended.warnings, host);
  await checkPlanAlerts(config, ended.plan, ended, context);
  return ended.outcome;
}

/** What {@linkcode alertingOnFailure} uses. */
export interface FailureContext extends Pick<RunContext, "host" | "signal"> {
  readonly config: AlertConfig;
  /** Null if it could not be opened or read. */
  readonly state: State | null;
}

/**
 * Does what precedes the first task of a run. If it fails, the alerts of the config report that the
 * run failed as a whole. They are loaded only then.
 *
 * @throws What the work throws.
 */
export async function alertingOnFailure<Result>(
  context: FailureContext,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CronfetchError && context.config.alerts.length > 0) {
      const { alertFailedRun } = await import("./alerts.ts");
      await alertFailedRun(error, context.state, context);
    }
    throw error;
  }
}

/** A run that has ended. */
interface EndedRun {
  readonly run: string;
  /** Its plan, made again if lists were refreshed. */
  readonly plan: Plan;
  readonly outcome: RunOutcome;
  /** Why the store failed for every task; `good` if it was used; null if it is unknown. */
  readonly store: CronfetchError | "good" | null;
  /** Changes that hooks have not received, to be written to standard error. */
  readonly warnings: readonly string[];
}

/**
 * Sends the alerts about the tasks of a plan, included or not.
 *
 * @param ended The run; null if nothing was due.
 */
export async function checkPlanAlerts(
  config: RunConfig,
  { entries }: Plan,
  ended: Omit<EndedRun, "plan"> | null,
  { host, signal, storage: { state }, isPaused }: Omit<RunContext, "openReporters" | "progress">,
): Promise<void> {
  if (config.alerts.length === 0) return;
  const { checkAlerts } = await import("./alerts.ts");
  const tasks = entries.map(({ task }) => task).filter(({ id }) => !isPaused?.(id));
  const { run = null, store = null } = ended ?? {};
  await checkAlerts({ tasks, run, store, state }, { config, host, signal });
}

/** Delivers the changes that the hooks of a plan have not received, if no task is due. */
export async function deliverPlanChanges(
  config: RunConfig,
  plan: Plan,
  { host, signal, storage }: Pick<RunContext, "host" | "signal" | "storage">,
): Promise<void> {
  if (!hasHooks(plan)) return;
  const { deliverPending } = await import("./hooks.ts");
  const { state, openStore } = storage;
  await writeWarnings(await deliverPending({ plan, config, host, state, signal, openStore }), host);
}

function hasHooks({ entries }: Plan): boolean {
  return entries.some(({ task }) => task.onChange.length > 0);
}

async function writeWarnings(
  warnings: readonly string[],
  { stderr }: Pick<Host, "stderr">,
): Promise<void> {
  if (warnings.length === 0) return;
  const { wrapWords } = await import("../report/format.ts");
  const free = stderr.isTerminal() ? stderr.columns() : Infinity;
  for (const line of warnings.flatMap((warning) => `warning: ${warning}`.split("\n"))) {
    const lines = wrapWords(line.split(" "), { first: free, rest: free });
    stderr.write(`${lines.join("\n")}\n`);
  }
}

/** {@linkcode runTasks} without the alerts. */
async function runPlan(
  config: RunConfig,
  plan: Plan,
  context: RunContext,
  { run, startedAt }: Pick<StartedRun, "run" | "startedAt">,
): Promise<EndedRun> {
  const { host, storage, openReporters } = context;
  await using owned = new AsyncDisposableStack();
  const store = await storage.openStore(owned);
  const reporters = await openReporters();
  try {
    const tasks = plan.entries.filter((entry) => entry.included).map((entry) => entry.task);
    const telemetry = await host.telemetry();
    return await telemetry.trace({ kind: "run", run, tasks: tasks.length }, async (tracing) => {
      const isReported = (type: RunOccurrence["type"]) =>
        telemetry !== NO_TELEMETRY || reporters.some(({ ignores }) => !ignores?.includes(type));
      const emit = (occurrence: RunOccurrence, time = host.clock.now().toString()) => {
        const event: RunEvent = Object.assign({ type: occurrence.type, time, run }, occurrence);
        for (const reporter of reporters) reporter.report(event);
        telemetry.count(event);
      };
      const started = { run, startedAt, tasks, store, reporters, tracing, isReported, emit };
      const ended = await executePlan(config, plan, context, started);
      tracing.ended({ kind: "run", summary: ended.outcome.summary });
      return ended;
    });
  } finally {
    for (const reporter of reporters) await reporter.close();
  }
}

/** A run whose store and reporters are open. */
interface StartedRun {
  readonly run: string;
  readonly startedAt: Temporal.Instant;
  readonly tasks: readonly Task[];
  readonly store: Store;
  readonly reporters: readonly Reporter[];
  readonly tracing: Tracing;
  /** Whether an event of a type is reported or counted; no other has to be emitted. */
  readonly isReported: (type: RunOccurrence["type"]) => boolean;
  readonly emit: (occurrence: RunOccurrence, time?: string) => void;
}

async function executePlan(
  config: RunConfig,
  plan: Plan,
  context: RunContext,
  { run, startedAt, tasks, store, reporters, tracing, isReported, emit }: StartedRun,
): Promise<EndedRun> {
  const { host, storage: { state }, progress } = context;
  const { limits } = config;
  const { clock, timers } = host;
  const startedMs = clock.monotonicMs();
  const elapsedMs = () => Math.round(clock.monotonicMs() - startedMs);
  const counter = createRunCounter();
  const storeErrors: CronfetchError[] = [];
  const history = createRunHistory();

  // Lists run first, since they decide which other tasks there are.
  const { lists: refresh, execute = executeTasks } = context;
  const lists = refresh === undefined ? [] : tasks.filter(({ origin }) => origin?.kind === "list");
  const first = lists.length > 0 ? lists : tasks;
  await using firstLeases = await leaseTasks(first, run, { state, timers });
  const parked = await state.parked();
  using deadline = startDeadline(limits.deadlineMs, context.signal, timers);
  const { signal } = deadline;
  using _abortable = store.abortOn(signal);
  const openHooks = async (of: Plan) =>
    !hasHooks(of) ? null : await (await import("./hooks.ts")).openHooks({
      ...{ run, plan: of, config, host, state, store, signal, emit },
    });
  const gathering: GatherContext = {
    ...{ run, config, host, state, parked, limits, progress, counter, history, storeErrors },
    elapsedMs,
    remainingMs: () => (limits.deadlineMs ?? Infinity) - (clock.monotonicMs() - startedMs),
    ...{ tracing, signal, isReported, emit },
    room: () => roomFor(reporters),
  };
  const isRefreshed = refresh !== undefined && lists.length > 0;
  const firstHooks = isRefreshed ? null : await openHooks(plan);
  emit({ type: "run.started", tasks: tasks.length });
  // If the sweep fails for a lasting reason, the drafts fail with it.
  await store.sweep().catch(() => 0);
  const final = isRefreshed
    ? await (await import("./lists.ts")).refreshLists(
      { plan, lists, leases: firstLeases, refresh },
      gathering,
    )
    : { plan, tasks };
  await using leases = isRefreshed
    ? await leaseTasks(final.tasks, run, { state, timers })
    : firstLeases;
  const hooks = isRefreshed ? await openHooks(final.plan) : firstHooks;
  if (config.tasks.some(({ dates }) => dates !== undefined)) {
    const { openDates } = await import("../lists/close_dates.ts");
    await openDates(config.tasks, final.plan, { state, at: startedAt });
  }
  const owned = await closedKeys(config, final.tasks, state);
  await gatherTasks({
    ...{ store, leases, hooks, execute, tasks: final.tasks },
    plan: { entries: [...final.plan.entries, ...owned] },
  }, gathering);
  const warnings = hooks === null ? [] : await hooks.finish(leases);

  const ending = {
    durationMs: elapsedMs(),
    deadlinePassed: deadline.hasPassed(),
    interrupted: context.signal.aborted ? context.interruptedExitCode() : null,
  };
  history.save(state, {
    run,
    startedAt: startedAt.toString(),
    finishedAt: clock.now().toString(),
    summary: counter.summary({ ...ending, unsaved: null }),
    trigger: context.trigger,
    tasks: final.tasks.length + (isRefreshed ? lists.length : 0),
  });
  const upkeepError = needsUpkeep(config)
    ? await (await import("./upkeep.ts")).upkeepError(config, final.plan, {
      ...{ host, state, store, run, signal },
    })
    : null;
  const unsaved = await releaseError(leases) ?? upkeepError;
  const summary = counter.summary({ ...ending, unsaved });
  emit({ type: "run.finished", summary });
  const { created, updated, unchanged } = summary.counts;
  const good = created + updated + unchanged > 0 ? "good" : null;
  const [storeError = good] = storeErrors.length === final.tasks.length ? storeErrors : [];
  return { run, plan: final.plan, outcome: { summary, unsaved }, store: storeError, warnings };
}

/** The files of closed dates, if a server or an archive chooses names that could be theirs. */
async function closedKeys(
  { tasks: templates }: Pick<RunConfig, "tasks">,
  tasks: readonly Task[],
  state: Pick<State, "items">,
): Promise<PlannedKeys["entries"]> {
  const isNeeded = templates.some(({ dates }) => dates !== undefined) &&
    tasks.some(({ namedByServer, unpack }) => namedByServer || unpack !== null);
  if (!isNeeded) return [];
  const { closedRecords, withDates } = await import("../lists/dates.ts");
  const closed = await closedRecords(withDates(templates), state, null);
  return [...closed.values()].flatMap(({ task: id, published }) =>
    published === null ? [] : [{ task: { id, key: published.key }, included: false }]
  );
}

/** Whether something follows the last task of a run. */
function needsUpkeep({ tasks, manifest }: RunConfig): boolean {
  return manifest || tasks.some(({ dates }) => dates !== undefined);
}

/** A promise that the first full reporter accepts events again; null if none is full. */
function roomFor(reporters: readonly Reporter[]): Promise<void> | null {
  for (const { ready } of reporters) {
    const room = ready?.() ?? null;
    if (room !== null) return room;
  }
  return null;
}

/** Releases the leases. Returns why the state could not be written, or null. */
async function releaseError(leases: Leases): Promise<CronfetchError | null> {
  try {
    await leases.release();
    return null;
  } catch (error) {
    if (error instanceof CronfetchError) return error;
    throw error;
  }
}
