/** Runs one task: skips it, defers it, or downloads it. */

import type { Config } from "../config/config.ts";
import { ownFilesOf } from "../config/own_files.ts";
import { BufferPool } from "../core/allocation.ts";
import type { Progress, RunOccurrence, TaskPhase, TaskProgress } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import type { Transport } from "../core/http.ts";
import { baseKey, foldKey } from "../core/key.ts";
import { parseStateLocation, parseStoreLocation } from "../core/location.ts";
import { KeyOwners, reservedKey } from "../core/ownership.ts";
import type { TaskResult } from "../core/result.ts";
import { isNamedByServer, type RunLimits, type Task } from "../core/task.ts";
import type { Tracing } from "../core/telemetry.ts";
import { bugMessage } from "../core/text.ts";
import { download, type DownloadContext, type DownloadOutcome } from "../download/download.ts";
import { Family, type FamilyContext } from "../download/family.ts";
import { createWatcher } from "../download/timeouts.ts";
import { createAdmit } from "../http/egress.ts";
import { abortReason } from "../http/network_error.ts";
import type { Slot } from "../schedule/pool.ts";
import { createThrottle } from "../schedule/rate.ts";
import { isOutdated, pendingRetryAt } from "../state/record.ts";
import type { State, TaskRecord } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import type { Leases } from "./leases.ts";
import { createParking, hostOf } from "./parking.ts";

/** The part of a plan that shows which keys belong to which tasks. */
export interface PlannedKeys {
  readonly entries: readonly {
    readonly task: Pick<Task, "id" | "key">;
    readonly included: boolean;
  }[];
}

/** The part of a state that running tasks use; the run saves their records. */
export type RunnerState =
  & FamilyContext["state"]
  & Pick<State, "location" | "durable" | "park">;

/** What the tasks of a run share. */
export interface TaskRunnerContext {
  /** Id of the run. */
  readonly run: string;
  readonly plan: PlannedKeys;
  readonly host: Host;
  readonly transport: Transport;
  readonly store: Store;
  readonly state: RunnerState;
  readonly leases: Pick<Leases, "has" | "otherRuns" | "recordOf" | "serverKeyOf">;
  /** Saves a change before it is published; null if no task has hooks. */
  readonly claimChange: FamilyContext["claimChange"];
  /** Files that no task may write to. */
  readonly config: Pick<Config, "manifest" | "files" | "hostFiles" | "secretFiles">;
  /** Hosts that earlier runs have parked, and until when; updated during the run. */
  readonly parked: Map<string, Temporal.Instant>;
  /** Milliseconds until the deadline of the run; Infinity without one. */
  readonly remainingMs: () => number;
  readonly limits: RunLimits;
  /** Keeps several runs within one rate. Default: one of `limits`, for this run. */
  readonly throttle?: DownloadContext["throttle"];
  readonly progress: Progress;
  readonly tracing: Tracing;
  /** Ends the run. */
  readonly signal: AbortSignal;
  /** Redacts secrets. */
  readonly redact: (text: string) => string;
  /** Whether an event of a type is reported or counted; no other has to be emitted. */
  readonly isReported: (type: RunOccurrence["type"]) => boolean;
  readonly emit: (occurrence: RunOccurrence, time?: string) => void;
}

/** Runs tasks. */
export interface TaskRunner {
  /**
   * Runs a task. An error, even a bug, is in the outcome.
   *
   * @param queuedMs From the start of the run to that of the task.
   * @param isContinued Whether it is a further request of a task that has started. Default: false.
   * @throws {CronfetchError} `state.` codes: the record of the task cannot be read.
   */
  runTask(
    task: Task,
    slot: Slot,
    queuedMs: number,
    isContinued?: boolean,
  ): Promise<DownloadOutcome>;
  /** The outcome of a task not started before the run ended. */
  cancelTask(task: Task, queuedMs: number): DownloadOutcome;
}

/** The egress rule of a task with `allowPrivate`. */
function admitAll(): boolean {
  return false;
}

/** Other runs that a message names; their ids begin with the times of their starts. */
const SHOWN_RUNS = 3;

/** Creates what all tasks of a run share. */
export function createTaskRunner(context: TaskRunnerContext): TaskRunner {
  const { plan, host, transport, store, state, leases, limits, progress, redact } = context;
  const { run, tracing, signal, emit } = context;
  const reportsStarts = context.isReported("task.started");
  const parking = createParking({ ...context, clock: host.clock });
  const admit = createAdmit();
  const shared = {
    host,
    watcher: createWatcher(signal, host),
    transport,
    store,
    statCache: store.statCache(keysOf(plan, leases), signal),
    signal,
    redact,
    durable: state.durable,
    checksumFiles: new Map(),
    buffers: new BufferPool(),
    throttle: context.throttle ??
      (limits.rateBytesPerSecond === null ? null : createThrottle(limits.rateBytesPerSecond, host)),
    received: (bytes: number) => {
      progress.bytes += bytes;
    },
  };
  const own = ownFilesOf({
    // A store or a state of the caller's may have any text here.
    store: parseStoreLocation(store.location, "/").value ?? null,
    state: parseStateLocation(state.location, "/").value ?? null,
    files: context.config.files,
    hostFiles: context.config.hostFiles,
    secretFiles: context.config.secretFiles,
    manifest: context.config.manifest,
  });
  let known: KeyOwners | null = null;
  // Built on demand: only keys named by servers need it, and a run may have very many tasks.
  const owners = () => known ??= ownersOf(plan, leases);
  const families: FamilyContext = {
    store,
    state,
    signal,
    faultOf: (key, task) => {
      const fault = reservedKey(key, isNamedByServer(task), own);
      const isItsOwn = key === task.key && !task.namedByServer && baseKey(foldKey(key)) === null;
      return fault ?? (isItsOwn ? null : owners().faultOf(key, task.id));
    },
    claimChange: context.claimChange,
    reserve: (key, task) => owners().add(key, task.id),
  };

  const notDownloaded = (task: Task, queuedMs: number, facts: OutcomeFacts) =>
    emptyOutcome(task, queuedMs, facts, redact);

  const failedByBug = (task: Task, queuedMs: number, bug: unknown): DownloadOutcome => {
    const message = bugMessage(bug);
    return {
      ...notDownloaded(task, queuedMs, { status: "failed", code: "internal", message }),
      permanent: true,
    };
  };

  const deferral = (task: Task, until: Temporal.Instant): OutcomeFacts => {
    const message = `${hostOf(task)} is rate-limiting`;
    return { status: "deferred", message, notBefore: until.toString() };
  };

  const downloadContext = (
    task: Task,
    slot: Slot,
    queuedMs: number,
    taskProgress: TaskProgress,
    tracing: Tracing,
    record: TaskRecord | null,
  ): DownloadContext => {
    return {
      ...shared,
      progress: taskProgress,
      tracing,
      jar: null,
      admit: task.allowPrivate ? admitAll : admit,
      recorded: record?.published ?? null,
      part: record?.part ?? null,
      older: record?.older ?? null,
      family: new Family(families, task, record ?? NO_RECORD),
      turn: parking.turnOf(task, slot),
      queuedMs,
      borrow: slot.borrow,
      retrying: ({ attempt, counted, code, httpStatus, delayMs }) => {
        taskProgress.phase = "retrying";
        const { attempts } = task.retry;
        const atMs = host.clock.monotonicMs() + delayMs;
        taskProgress.retry = { attempt: counted, attempts, code, httpStatus, atMs };
        emit({ type: "task.retrying", task: task.id, attempt, code, delayMs });
      },
    };
  };

  const cancelTask = (task: Task, queuedMs: number) =>
    cancelledOutcome(task, queuedMs, signal, redact);

  /** Downloads a task whose host may receive requests. */
  const start = (
    task: Task,
    slot: Slot,
    queuedMs: number,
    record: TaskRecord | null,
    isContinued: boolean,
  ): Promise<DownloadOutcome> => {
    const requested = asRequested(task, record);
    const url = redact(task.url);
    const taskProgress = startedProgress(url, "connecting");
    progress.running.set(task.id, taskProgress);
    if (reportsStarts && !isContinued) emit({ type: "task.started", task: task.id, url });
    const spanStart = { kind: "task", run, task: task.id, url, key: task.key } as const;
    return tracing.trace(spanStart, async (span) => {
      let outcome: DownloadOutcome;
      try {
        const context = downloadContext(requested, slot, queuedMs, taskProgress, span, record);
        outcome = await download(requested, context);
      } catch (bug) {
        outcome = failedByBug(task, queuedMs, bug);
      }
      span.ended({ kind: "task", result: outcome.result });
      progress.running.delete(task.id);
      parking.recordResult(task, slot, outcome.result);
      return outcome.result.status === "pending" ? withNextTry(outcome, task, record) : outcome;
    });
  };

  const withNextTry = (
    outcome: DownloadOutcome,
    { pendingUntil }: Task,
    record: TaskRecord | null,
  ): DownloadOutcome => {
    const now = host.clock.now();
    const until = pendingUntil === null ? now : Temporal.Instant.from(pendingUntil);
    const notBefore = pendingRetryAt(record, now, until).toString();
    return { ...outcome, result: { ...outcome.result, notBefore } };
  };

  /** Starts a task once its record is read and its host may receive requests. */
  const startLater = async (
    task: Task,
    slot: Slot,
    queuedMs: number,
    record: TaskRecord | null | Promise<TaskRecord | null>,
    isContinued: boolean,
  ): Promise<DownloadOutcome> => {
    const found = await record;
    progress.running.set(task.id, startedProgress(redact(task.url), "waiting"));
    try {
      const until = await parking.admit(task, slot);
      if (until) return notDownloaded(task, queuedMs, deferral(task, until));
    } catch {
      return cancelTask(task, queuedMs);
    } finally {
      progress.running.delete(task.id);
    }
    return await start(task, slot, queuedMs, found, isContinued);
  };

  return {
    runTask: (task, slot, queuedMs, isContinued = false) => {
      if (!leases.has(task.id)) {
        const runs = leases.otherRuns.slice(0, SHOWN_RUNS).join(", ");
        const message = `another run is working on it${runs === "" ? "" : `: ${runs}`}`;
        return Promise.resolve(notDownloaded(task, queuedMs, { status: "skipped", message }));
      }
      const record = leases.recordOf(task);
      return record instanceof Promise || context.parked.size > 0
        ? startLater(task, slot, queuedMs, record, isContinued)
        : start(task, slot, queuedMs, record, isContinued);
    },
    cancelTask,
  };
}

/**
 * The outcome of a task not started before the run ended.
 *
 * @param signal Has ended the run.
 */
export function cancelledOutcome(
  task: Task,
  queuedMs: number,
  signal: AbortSignal,
  redact: (text: string) => string,
): DownloadOutcome {
  const { code, message } = abortReason(signal);
  return emptyOutcome(task, queuedMs, { status: "cancelled", code, message }, redact);
}

/** The outcome of a task that was not downloaded. */
function emptyOutcome(
  task: Task,
  queuedMs: number,
  facts: OutcomeFacts,
  redact: (text: string) => string,
): DownloadOutcome {
  return {
    permanent: false,
    validators: null,
    result: {
      task: task.id,
      ...facts,
      message: redact(facts.message),
      url: redact(task.url),
      servedFrom: null,
      key: task.key,
      bytes: 0,
      wireBytes: 0,
      sha256: null,
      sizeBytes: null,
      previousSizeBytes: null,
      partialBytes: null,
      httpStatus: null,
      attempts: [],
      timings: { queuedMs, responseMs: 0, bodyMs: 0, publishMs: 0, totalMs: 0 },
      warnings: [],
    },
  };
}

/**
 * The task without conditions if its list names another version: a 304 would leave the published file,
 * which is not that version, and the task would be due again at once.
 */
function asRequested(task: Task, record: TaskRecord | null): Task {
  const isStale = task.origin?.kind === "item" && record !== null && isOutdated(task, record);
  return isStale && task.conditional ? { ...task, conditional: false } : task;
}

function startedProgress(url: string, phase: TaskPhase): TaskProgress {
  return { url, phase, retry: null, receivedBytes: 0, totalBytes: null };
}

/** Every key whose file a run may check. */
function* keysOf({ entries }: PlannedKeys, leases: Pick<Leases, "serverKeyOf">): Generator<string> {
  for (const { task: { id, key }, included } of entries) {
    if (!included) continue;
    yield key;
    const serverKey = leases.serverKeyOf(id);
    if (serverKey !== undefined) yield serverKey;
  }
}

/** The keys of all tasks, also of those not in this run. */
function ownersOf({ entries }: PlannedKeys, leases: Pick<Leases, "serverKeyOf">): KeyOwners {
  const owners = new KeyOwners();
  for (const { task } of entries) owners.add(task.key, task.id);
  for (const { task: { id } } of entries) {
    // The task owns its last name even in a run that does not receive it again.
    const key = leases.serverKeyOf(id);
    if (key !== undefined) owners.add(key, id);
  }
  return owners;
}

/** The fields of a task without a record. */
const NO_RECORD = { published: null, publishedAt: null };

/** The fields of a result that depend on why the task was not downloaded. */
type OutcomeFacts = Pick<TaskResult, "status" | "code" | "notBefore"> & {
  readonly message: string;
};
