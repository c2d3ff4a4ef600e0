/** The pipeline: plan -> lease -> gather -> record -> report. */

import { CronfetchError } from "./core/errors.ts";
import type { Progress, Reporter, RunOccurrence, TaskProgress } from "./core/event.ts";
import type { Host, Timers } from "./core/host.ts";
import type { RunSummary, TaskResult } from "./core/result.ts";
import type { Plan, RunLimits, Task } from "./core/task.ts";
import { foldKey, keyWithName, safeName } from "./config/keys.ts";
import { createRedactor, redactUrl } from "./config/secrets.ts";
import { download, type DownloadOutcome } from "./download/download.ts";
import type { ChecksumFiles } from "./download/checksum_file.ts";
import { createAdmission } from "./download/egress.ts";
import { createVersions } from "./download/versions.ts";
import { gather, type Slot } from "./schedule/pool.ts";
import { createThrottle } from "./schedule/throttle.ts";
import { nextRecord } from "./state/record.ts";
import type { State } from "./state/state.ts";
import type { Store } from "./store/store.ts";
import { createTally } from "./tally.ts";

/** What a run works with. All of it is opened and closed by the caller. */
export interface RunContext {
  readonly host: Host;
  readonly store: Store;
  readonly state: State;
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

/** How long a lease holds unless it is renewed: as long as a dead run is missed. */
const LEASE_MS = 60_000;
const RENEW_EVERY_MS = LEASE_MS / 3;

/**
 * Carries out a plan. Every included task yields exactly one result; the
 * reporters hear of everything, and the state remembers it.
 *
 * @returns The run in numbers, with the exit code it deserves.
 * @throws {CronfetchError} `state.` codes: without its memory a run does nothing.
 */
export async function carryOut(plan: Plan, context: RunContext): Promise<RunSummary> {
  const { host, store, state, limits, progress } = context;
  const { clock, timers } = host;
  const startedMs = clock.monotonicMs();
  const startedAt = clock.now();
  const run = `${startedAt.toString({ smallestUnit: "second" })}-${host.random.name().slice(0, 6)}`;
  const tasks = plan.entries.filter((entry) => entry.included).map((entry) => entry.task);
  const tally = createTally();
  const emit = (occurrence: RunOccurrence) => {
    const { type, ...rest } = occurrence;
    const event = { type, time: clock.now().toString(), run, ...rest } as RunOccurrence & {
      readonly time: string;
      readonly run: string;
    };
    for (const reporter of context.reporters) reporter.report(event);
  };

  emit({ type: "run.started", tasks: tasks.length });
  // A store that cannot be swept will tell so by each of its drafts.
  await store.sweep().catch(() => 0);
  const ids = tasks.map((task) => task.id);
  const leased = await state.acquire(ids, run, LEASE_MS);
  const records = await state.records(ids);
  const parked = await state.parked();

  const deadline = new AbortController();
  const signal = AbortSignal.any([context.signal, deadline.signal]);
  const cancelDeadline = limits.deadlineMs === null ? () => {} : timers.after(
    limits.deadlineMs,
    () => deadline.abort(new CronfetchError("timeout.deadline", "the run's deadline passed")),
  );
  const stopRenewing = keepRenewing(state, run, timers);

  const redactSecrets = createRedactor(context.secrets);
  const redact = (text: string) => redactUrl(redactSecrets(text));
  const admit = createAdmission(host.resolve);
  const admitAll = () => Promise.resolve();
  const throttle = limits.rateBytesPerSecond === null
    ? null
    : createThrottle(limits.rateBytesPerSecond, host);
  const owners = new Map(tasks.map((task) => [foldKey(task.key), task.id]));
  const checksumFiles: ChecksumFiles = new Map();
  const versions = createVersions(store);

  /** Ends a task: its record first, then everybody is told. */
  const finish = (task: Task, outcome: DownloadOutcome, queuedMs: number) => {
    const { result, validators } = outcome;
    const timings = { ...result.timings, queuedMs: Math.round(queuedMs) };
    const final: TaskResult = { ...result, timings };
    const last = records.get(task.id) ?? null;
    const record = nextRecord(last, final, {
      run,
      at: clock.now(),
      published: validators,
      alertAfter: context.alertAfter,
      ...(outcome.part === undefined ? {} : { part: outcome.part }),
    });
    if (record) state.save(record);
    tally.add(final, outcome.permanent);
    emit({ type: "task.finished", result: final });
    const before = last?.health ?? "healthy";
    if (record && record.health !== before) {
      const { health, failures } = record;
      emit({ type: "task.health", task: task.id, before, health, failures });
    }
  };

  const work = async (task: Task, slot: Slot) => {
    const queuedMs = clock.monotonicMs() - startedMs;
    if (!leased.has(task.id)) {
      const message = "another run is working on it";
      return finish(task, untouched(task, redact, { status: "skipped", message }), queuedMs);
    }
    const hostName = hostOf(task);
    const until = parked.get(hostName);
    if (until && Temporal.Instant.compare(until, clock.now()) > 0) {
      const message = `${hostName} asked not to be bothered before ${until}`;
      const notBefore = until.toString();
      return finish(
        task,
        untouched(task, redact, { status: "deferred", message, notBefore }),
        queuedMs,
      );
    }
    const taskProgress: TaskProgress = { receivedBytes: 0, totalBytes: null };
    progress.running.set(task.id, taskProgress);
    emit({ type: "task.started", task: task.id, url: redact(task.url) });
    const outcome = await download(task, {
      host,
      store,
      signal,
      progress: taskProgress,
      received: (bytes) => {
        progress.bytes += bytes;
      },
      throttle,
      admit: task.allowPrivate ? admitAll : admit,
      remembered: records.get(task.id)?.published ?? null,
      part: records.get(task.id)?.part ?? null,
      durable: state.durable,
      versions,
      redact,
      safeName,
      keyWithName,
      checksumFiles,
      claim: (key) => {
        const folded = foldKey(key);
        if (!owners.has(folded)) owners.set(folded, task.id);
        return owners.get(folded) === task.id;
      },
      rest: slot.rest,
      retrying: (attempt, code, delayMs) =>
        emit({ type: "task.retrying", task: task.id, attempt, code, delayMs }),
    }).catch((bug) => broken(task, redact, bug));
    progress.running.delete(task.id);
    if (outcome.result.notBefore !== undefined) {
      const notBefore = Temporal.Instant.from(outcome.result.notBefore);
      parked.set(hostName, notBefore);
      state.park(hostName, notBefore);
    }
    finish(task, outcome, queuedMs);
  };

  let pending: Task[];
  try {
    pending = await gather(tasks, { limits, groupOf: hostOf, work, signal, timers, clock });
  } finally {
    cancelDeadline();
    stopRenewing();
  }
  for (const task of pending) {
    const { code, message } = signal.reason as CronfetchError;
    const outcome = untouched(task, redact, { status: "cancelled", code, message });
    finish(task, outcome, clock.monotonicMs() - startedMs);
  }
  const summary = tally.summary({
    durationMs: Math.round(clock.monotonicMs() - startedMs),
    deadlinePassed: deadline.signal.aborted,
    interrupted: context.signal.aborted ? context.interruptedExitCode() : null,
  });
  state.addRun({
    run,
    startedAt: startedAt.toString(),
    finishedAt: clock.now().toString(),
    summary,
  });
  await state.flush();
  await state.release(run);
  emit({ type: "run.finished", summary });
  return summary;
}

/** The host that a task's limits and parking are about, port included. */
function hostOf(task: Task): string {
  return new URL(task.url).host;
}

/** The outcome of a task that was not worked on. */
function untouched(
  task: Task,
  redact: (text: string) => string,
  state: Pick<TaskResult, "status" | "code" | "message" | "notBefore">,
): DownloadOutcome {
  return {
    permanent: false,
    validators: null,
    result: {
      task: task.id,
      ...state,
      url: redact(task.url),
      servedFrom: null,
      key: task.key,
      bytes: 0,
      sha256: null,
      httpStatus: null,
      attempts: [],
      timings: { queuedMs: 0, responseMs: 0, bodyMs: 0, publishMs: 0 },
      warnings: [],
    },
  };
}

/** The outcome of a task that met a bug of ours: the others go on. */
function broken(task: Task, redact: (text: string) => string, bug: unknown): DownloadOutcome {
  const said = bug instanceof Error ? bug.stack ?? bug.message : String(bug);
  const message = `a bug in cronfetch: ${redact(said)}`;
  return {
    ...untouched(task, redact, { status: "failed", code: "internal", message }),
    permanent: true,
  };
}

/** Renews the run's leases until the returned function is called. */
function keepRenewing(state: State, run: string, timers: Timers): () => void {
  let cancel = () => {};
  const schedule = () => {
    cancel = timers.after(RENEW_EVERY_MS, () => {
      // A renewal that fails is tried again in time; the lease outlasts two of them.
      state.renew(run, LEASE_MS).catch(() => {});
      schedule();
    });
  };
  schedule();
  return () => cancel();
}
