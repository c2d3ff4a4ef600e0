/** The pipeline: plan -> lease -> gather -> record -> report. */

import { abortable } from "@std/async";
import { createUrlRedactor } from "./config/secrets.ts";
import { CronfetchError } from "./core/errors.ts";
import type { Progress, Reporter, RunEvent, RunOccurrence } from "./core/event.ts";
import type { Host } from "./core/host.ts";
import type { RunSummary } from "./core/result.ts";
import type { Plan, RunLimits, Task } from "./core/task.ts";
import { NO_TELEMETRY, type Telemetry, type Tracing } from "./core/telemetry.ts";
import type { DownloadOutcome } from "./download/download.ts";
import { openTransport } from "./http/transport.ts";
import { unhealthyAfterMs } from "./schedule/due.ts";
import { gather } from "./schedule/pool.ts";
import { nextRecord } from "./state/record.ts";
import type { State } from "./state/state.ts";
import type { Store } from "./store/store.ts";
import { createTally } from "./tally.ts";
import { watchRun } from "./worker/deadline.ts";
import { holdTasks } from "./worker/holding.ts";
import { hostOf } from "./worker/parking.ts";
import { createWork } from "./worker/work.ts";

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
  using _heeding = store.heed(signal);
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
