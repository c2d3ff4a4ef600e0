/** The pipeline: plan -> lease -> gather -> record -> report. */

import { abortable } from "@std/async";
import type { Config } from "../config/config.ts";
import { createUrlRedactor } from "../config/secrets.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter, RunEvent, RunOccurrence } from "../core/event.ts";
import type { Host, Timers } from "../core/host.ts";
import { serverSettings } from "../core/host_rules.ts";
import { EXIT, type RunSummary, type TaskResult, type TaskStatus } from "../core/result.ts";
import type { Plan, Task } from "../core/task.ts";
import { NO_TELEMETRY, type Tracing } from "../core/telemetry.ts";
import type { DownloadOutcome } from "../download/download.ts";
import { abortReason } from "../http/network_error.ts";
import { openTransport } from "../http/transport.ts";
import { unhealthyAfterMs } from "../schedule/due.ts";
import { gather } from "../schedule/pool.ts";
import { nextRecord } from "../state/record.ts";
import type { TaskRecord } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { type Leases, leaseTasks } from "./leases.ts";
import { hostOf } from "./parking.ts";
import type { RunStorage } from "./storage.ts";
import { createTaskRunner } from "./task.ts";

/** The part of a config that a run needs besides its plan. */
export type RunConfig = Pick<
  Config,
  "files" | "limits" | "hosts" | "hostFiles" | "alertAfter" | "secrets"
>;

/** What a run uses. The caller opens and closes the state. */
export interface RunContext {
  readonly host: Host;
  readonly storage: Pick<RunStorage, "state" | "openStore">;
  /** Creates the reporters of the run, which closes them. */
  readonly openReporters: () => readonly Reporter[] | Promise<readonly Reporter[]>;
  /** Updated during the run. */
  readonly progress: Progress;
  /** Ends the run early; every task still gets its result. */
  readonly signal: AbortSignal;
  /** The exit code of a run that `signal` has ended. */
  readonly interruptedExitCode: () => number;
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
 * them, saves their records, and closes what it has opened. Every task yields exactly one result.
 *
 * @throws {CronfetchError} `state.` and `store.` codes: the state cannot be read, or the store
 * cannot be opened. No task was started then, and no event was reported.
 */
export async function runTasks(
  config: RunConfig,
  plan: Plan,
  context: RunContext,
): Promise<RunOutcome> {
  const { host, storage, openReporters } = context;
  await using owned = new AsyncDisposableStack();
  const store = await storage.openStore(owned);
  const reporters = await openReporters();
  try {
    const startedAt = host.clock.now();
    const run = `${startedAt.toString({ smallestUnit: "second" })}-${
      host.random.name().slice(0, 6)
    }`;
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
      const outcome = await executePlan(config, plan, context, started);
      tracing.ended({ kind: "run", summary: outcome.summary });
      return outcome;
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
): Promise<RunOutcome> {
  const { host, storage: { state }, progress } = context;
  const { limits, hosts, alertAfter, secrets } = config;
  const { clock, timers } = host;
  const startedMs = clock.monotonicMs();
  const elapsedMs = () => Math.round(clock.monotonicMs() - startedMs);
  const counter = createRunCounter();

  await using leases = await leaseTasks(tasks, run, { state, timers });
  const parked = await state.parked();
  using deadline = startDeadline(limits.deadlineMs, context.signal, timers);
  const { signal } = deadline;
  using _abortable = store.abortOn(signal);
  const redact = createUrlRedactor(secrets);
  await using opened = await openTransport(
    host,
    (origin) => serverSettings(hosts, origin),
    redact,
  );
  const runner = createTaskRunner({
    ...{ run, plan, host, store, state, leases, config, parked, limits, progress },
    transport: opened.transport,
    remainingMs: () => (limits.deadlineMs ?? Infinity) - (clock.monotonicMs() - startedMs),
    ...{ tracing, signal, redact, isReported, emit },
  });

  /** Saves the record of a task before its result is reported. */
  const finish = (
    task: Task,
    outcome: DownloadOutcome,
    queuedMs: number,
    last: TaskRecord | null,
  ) => {
    const result = { ...outcome.result, timings: { ...outcome.result.timings, queuedMs } };
    const now = clock.now();
    const at = now.toString();
    const record = !leases.has(task.id) ? null : nextRecord(last, result, {
      run,
      at,
      published: outcome.validators,
      permanent: outcome.permanent,
      alertAfter,
      unhealthyAfterMs: result.status === "failed" ? unhealthyAfterMs(task, now) : 0,
      ...(outcome.part === undefined ? {} : { part: outcome.part }),
      ...(outcome.older && { older: outcome.older }),
    });
    if (record) state.save(record);
    leases.releaseRecord(task);
    counter.add(result, outcome.permanent);
    emit({ type: "task.finished", result }, at);
    const before = last?.health ?? "healthy";
    if (record && record.health !== before) {
      const { health, failures } = record;
      emit({ type: "task.health", task: task.id, before, health, failures }, at);
    }
  };

  const cancel = async (task: Task) => {
    finish(task, runner.cancelTask(task), elapsedMs(), await leases.recordOf(task));
  };

  emit({ type: "run.started", tasks: tasks.length });
  // If the sweep fails for a lasting reason, the drafts fail with it.
  await store.sweep().catch(() => 0);
  const pending = await gather(tasks, {
    limits,
    groupOf: hostOf,
    limitsOf: ({ url }) => ({ ...limits, ...serverSettings(hosts, url) }),
    work: async (task, slot) => {
      for (let room = roomFor(reporters); room; room = roomFor(reporters)) {
        await abortable(room, signal).catch(() => {});
        if (signal.aborted) return cancel(task);
      }
      const queuedMs = elapsedMs();
      const outcome = await runner.runTask(task, slot);
      // Read again if the leases were lost: another run may have written it since.
      const last = leases.recordOf(task);
      finish(task, outcome, queuedMs, last instanceof Promise ? await last : last);
    },
    signal,
    timers,
    clock,
  });
  for (const task of pending) await cancel(task);

  const ending = {
    durationMs: elapsedMs(),
    deadlinePassed: deadline.hasPassed(),
    interrupted: context.signal.aborted ? context.interruptedExitCode() : null,
  };
  state.addRun({
    run,
    startedAt: startedAt.toString(),
    finishedAt: clock.now().toString(),
    summary: counter.summary({ ...ending, unsaved: null }),
  });
  const unsaved = await releaseError(leases);
  const summary = counter.summary({ ...ending, unsaved });
  emit({ type: "run.finished", summary });
  return { summary, unsaved };
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

/** How a run ended, besides its results. */
export interface RunEnding {
  readonly durationMs: number;
  /** Whether the run's deadline passed, even if no task was left to cancel. */
  readonly deadlinePassed: boolean;
  /** The exit code of the interruption, or null. */
  readonly interrupted: number | null;
  /** Why the state could not be written completely, or null. */
  readonly unsaved: CronfetchError | null;
}

/** Counts the results of a run. */
export interface RunCounter {
  /** Counts a result; `permanent` if a retry would fail in the same way. */
  add(result: TaskResult, permanent: boolean): void;
  /** The counts, and the exit code that follows from them. */
  summary(ending: RunEnding): RunSummary;
}

/** Creates a counter without results. */
export function createRunCounter(): RunCounter {
  const counts: Record<TaskStatus, number> = {
    created: 0,
    updated: 0,
    unchanged: 0,
    skipped: 0,
    deferred: 0,
    failed: 0,
    cancelled: 0,
  };
  let bytes = 0;
  let bugs = 0;
  let permanentFailures = 0;

  const exitCode = (ending: RunEnding): number => {
    if (bugs > 0) return EXIT.bug;
    if (ending.interrupted !== null) return ending.interrupted;
    if (ending.deadlinePassed && counts.cancelled > 0) return EXIT.deadline;
    if (permanentFailures > 0 || ending.unsaved?.retry === "never") return EXIT.failed;
    if (counts.failed + counts.deferred + counts.cancelled > 0) return EXIT.temporary;
    if (ending.unsaved) return EXIT.temporary;
    return EXIT.good;
  };

  return {
    add: (result, permanent) => {
      counts[result.status]++;
      bytes += result.wireBytes;
      if (result.code === "internal") bugs++;
      else if (permanent) permanentFailures++;
    },
    summary: (ending) => ({
      counts: { ...counts },
      bytes,
      durationMs: ending.durationMs,
      exitCode: exitCode(ending),
    }),
  };
}

/** The end of a run from outside: its deadline or the parent signal. Disposal stops the timer. */
export interface RunDeadline extends Disposable {
  /** Aborted at that end, always with a `CronfetchError` as the reason. */
  readonly signal: AbortSignal;
  /** Whether the deadline has aborted it. */
  readonly hasPassed: () => boolean;
}

/**
 * Starts the deadline of a run.
 *
 * @param deadlineMs Milliseconds from now, or null for no limit.
 * @param parent Ends the run too, with any reason.
 */
export function startDeadline(
  deadlineMs: number | null,
  parent: AbortSignal,
  timers: Timers,
): RunDeadline {
  const controller = new AbortController();
  const passed = new CronfetchError("timeout.deadline", "the run's deadline passed");
  const cancel = deadlineMs === null
    ? () => {}
    : timers.after(deadlineMs, () => controller.abort(passed));
  // A caller of the library may abort with any value; only CronfetchErrors are used inside.
  const follow = () => controller.abort(abortReason(parent));
  parent.addEventListener("abort", follow);
  if (parent.aborted) follow();
  return {
    signal: controller.signal,
    hasPassed: () => controller.signal.reason === passed,
    [Symbol.dispose]: () => {
      cancel();
      parent.removeEventListener("abort", follow);
    },
  };
}
