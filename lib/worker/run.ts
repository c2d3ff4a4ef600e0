/** The pipeline: plan -> lease -> gather -> record -> report. */

import { abortable } from "@std/async";
import { createUrlRedactor } from "../config/secrets.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter, RunEvent, RunOccurrence } from "../core/event.ts";
import type { Host, Timers } from "../core/host.ts";
import { EXIT, type RunSummary, type TaskResult, type TaskStatus } from "../core/result.ts";
import type { Plan, RunLimits, Task } from "../core/task.ts";
import { NO_TELEMETRY, type Telemetry, type Tracing } from "../core/telemetry.ts";
import type { DownloadOutcome } from "../download/download.ts";
import { openTransport } from "../http/transport.ts";
import { unhealthyAfterMs } from "../schedule/due.ts";
import { gather } from "../schedule/pool.ts";
import { nextRecord } from "../state/record.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { holdTasks } from "./leases.ts";
import { hostOf } from "./parking.ts";
import { createWork } from "./task.ts";
import { abortReason } from "../http/network_error.ts";

/** What a run works with. All of it is opened and closed by the caller. */
export interface RunContext {
  readonly host: Host;
  readonly store: Store;
  readonly state: State;
  /** Absolute paths of the files of the config, which no task may write to. */
  readonly configFiles: readonly string[];
  readonly reporters: readonly Reporter[];
  readonly limits: RunLimits;
  /** Failures in a row after which a task counts as unhealthy. */
  readonly alertAfter: number;
  /** Values that no event may hold. */
  readonly secrets: readonly string[];
  /** Kept up to date while the run goes. */
  readonly progress: Progress;
  /** Ends the run early; every task still gets its result. */
  readonly signal: AbortSignal;
  /** The exit code once `signal` has ended the run. */
  readonly interruptedExitCode: () => number;
}

/** How a run ended. */
export interface RunOutcome {
  /** The run in numbers, with the exit code it deserves. */
  readonly summary: RunSummary;
  /** Why the state did not take all that is to be remembered, or null. */
  readonly unsaved: CronfetchError | null;
}

/**
 * Carries out a plan. Every included task yields exactly one result; the
 * reporters hear of everything, and the state remembers it.
 *
 * @throws {CronfetchError} `state.` and `store.` codes: the state cannot be
 * read. Nothing was begun then, and no reporter has heard of it.
 */
export async function carryOut(plan: Plan, context: RunContext): Promise<RunOutcome> {
  const { clock, random } = context.host;
  const startedAt = clock.now();
  const run = `${startedAt.toString({ smallestUnit: "second" })}-${random.name().slice(0, 6)}`;
  const tasks = plan.entries.filter((entry) => entry.included).map((entry) => entry.task);
  const telemetry = await context.host.telemetry();
  return await telemetry.trace({ kind: "run", run, tasks: tasks.length }, async (tracing) => {
    const isHeard = (type: RunEvent["type"]) =>
      telemetry !== NO_TELEMETRY ||
      context.reporters.some(({ passesOver }) => !passesOver?.includes(type));
    const told = { run, startedAt, isHeard, count: telemetry.count, tracing };
    const outcome = await carryOutTasks(tasks, plan, { ...context, ...told });
    tracing.ended({ kind: "run", summary: outcome.summary });
    return outcome;
  });
}

/** What a run that has a name works with. */
interface NamedRunContext extends RunContext {
  readonly run: string;
  readonly startedAt: Temporal.Instant;
  /** Whether anybody does anything with events of a type. */
  readonly isHeard: (type: RunEvent["type"]) => boolean;
  readonly count: Telemetry["count"];
  readonly tracing: Tracing;
}

async function carryOutTasks(
  tasks: readonly Task[],
  plan: Plan,
  context: NamedRunContext,
): Promise<RunOutcome> {
  const { host, store, state, limits, run, startedAt, reporters } = context;
  const { clock, timers } = host;
  const startedMs = clock.monotonicMs();
  const elapsedMs = () => Math.round(clock.monotonicMs() - startedMs);
  const tally = createTally();
  const emit = (occurrence: RunOccurrence, time?: string) => {
    const { type, ...rest } = occurrence;
    if (!context.isHeard(type)) return;
    const event = { type, time: time ?? clock.now().toString(), run, ...rest } as RunEvent;
    for (const reporter of context.reporters) reporter.report(event);
    context.count(event);
  };

  await using holding = await holdTasks(tasks.map((task) => task.id), run, { state, timers });
  const parked = await state.parked();
  using watch = watchRun(limits.deadlineMs, context.signal, timers);
  const { signal } = watch;
  using _heeding = store.abortOn(signal);
  const redact = createUrlRedactor(context.secrets);
  await using sending = await openTransport(host);
  const { transport } = sending;
  const remainingMs = () => (limits.deadlineMs ?? Infinity) - (clock.monotonicMs() - startedMs);
  const shared = {
    ...context,
    transport,
    plan,
    holding,
    parked,
    remainingMs,
    signal,
    redact,
    emit,
  };
  const work = createWork(shared);

  /** Ends a task: its record first, then everybody is told. */
  const finish = (task: Task, outcome: DownloadOutcome, queuedMs: number) => {
    const result = { ...outcome.result, timings: { ...outcome.result.timings, queuedMs } };
    const last = holding.recordOf(task.id);
    const now = clock.now();
    const at = now.toString();
    const record = !holding.holds(task.id) ? null : nextRecord(last, result, {
      run,
      at,
      published: outcome.validators,
      permanent: outcome.permanent,
      alertAfter: context.alertAfter,
      unhealthyAfterMs: result.status === "failed" ? unhealthyAfterMs(task, now) : 0,
      ...(outcome.part === undefined ? {} : { part: outcome.part }),
      ...(outcome.older && { older: outcome.older }),
    });
    if (record) state.save(record);
    tally.add(result, outcome.permanent);
    emit({ type: "task.finished", result }, at);
    const before = last?.health ?? "healthy";
    if (record && record.health !== before) {
      const { health, failures } = record;
      emit({ type: "task.health", task: task.id, before, health, failures }, at);
    }
  };

  emit({ type: "run.started", tasks: tasks.length });
  // A store that cannot be swept will tell so by each of its drafts.
  await store.sweep().catch(() => 0);
  const pending = await gather(tasks, {
    limits,
    groupOf: hostOf,
    work: async (task, slot) => {
      for (let room = roomFor(reporters); room; room = roomFor(reporters)) {
        await abortable(room, signal).catch(() => {});
        if (signal.aborted) return finish(task, work.giveUp(task), elapsedMs());
      }
      const queuedMs = elapsedMs();
      finish(task, await work.carryOut(task, slot), queuedMs);
    },
    signal,
    timers,
    clock,
  });
  for (const task of pending) finish(task, work.giveUp(task), elapsedMs());

  const ending = {
    durationMs: elapsedMs(),
    deadlinePassed: watch.deadlinePassed(),
    interrupted: context.signal.aborted ? context.interruptedExitCode() : null,
  };
  state.addRun({
    run,
    startedAt: startedAt.toString(),
    finishedAt: clock.now().toString(),
    summary: tally.summary({ ...ending, unsaved: null }),
  });
  const unsaved = await refusalOf(holding.release());
  const summary = tally.summary({ ...ending, unsaved });
  emit({ type: "run.finished", summary });
  return { summary, unsaved };
}

/** A promise of room for more events at a reporter that has none; null while all have room. */
function roomFor(reporters: readonly Reporter[]): Promise<void> | null {
  for (const { ready } of reporters) {
    const room = ready?.() ?? null;
    if (room !== null) return room;
  }
  return null;
}

/** Why the state did not do as told, or null. */
async function refusalOf(writing: Promise<void>): Promise<CronfetchError | null> {
  try {
    await writing;
    return null;
  } catch (error) {
    if (error instanceof CronfetchError) return error;
    throw error;
  }
}

/** How a run ended, beside its results. */
export interface RunEnding {
  readonly durationMs: number;
  /** The run's deadline passed, perhaps when there was nothing left to cut short. */
  readonly deadlinePassed: boolean;
  /** The exit code of whoever interrupted it, or null. */
  readonly interrupted: number | null;
  /** Why the state did not take all that is to be remembered, or null. */
  readonly unsaved: CronfetchError | null;
}

/** Counts results. */
export interface Tally {
  /** Counts one; `permanent` if asking again would give the same failure. */
  add(result: TaskResult, permanent: boolean): void;
  /** What it comes to. */
  summary(ending: RunEnding): RunSummary;
}

/** A tally without results. */
export function createTally(): Tally {
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
      bytes += result.bytes;
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

/** Watches a run from its start until it is disposed of. */
export interface RunWatch extends Disposable {
  /** Aborted once the run is to end; the reason is a `CronfetchError` in every case. */
  readonly signal: AbortSignal;
  /** Whether it was the deadline. */
  readonly deadlinePassed: () => boolean;
}

/**
 * Starts the clock of a run.
 *
 * @param deadlineMs Milliseconds from now, or null for no limit.
 * @param parent Ends the run from outside, for whatever reason.
 */
export function watchRun(
  deadlineMs: number | null,
  parent: AbortSignal,
  timers: Timers,
): RunWatch {
  const controller = new AbortController();
  const passed = new CronfetchError("timeout.deadline", "the run's deadline passed");
  const cancel = deadlineMs === null
    ? () => {}
    : timers.after(deadlineMs, () => controller.abort(passed));
  // A program may abort with anything, and within the run nobody has to know.
  const follow = () => controller.abort(abortReason(parent));
  parent.addEventListener("abort", follow);
  if (parent.aborted) follow();
  return {
    signal: controller.signal,
    deadlinePassed: () => controller.signal.reason === passed,
    [Symbol.dispose]: () => {
      cancel();
      parent.removeEventListener("abort", follow);
    },
  };
}
