/** One task of a run: left to another run, put off, or downloaded. */

import { baseKey, foldKey } from "../core/key.ts";
import { KeyOwners, reservedKey } from "../core/ownership.ts";
import { parseStateLocation, parseStoreLocation } from "../core/location.ts";
import { ownFilesOf } from "../config/own_files.ts";
import type { Progress, RunOccurrence, TaskProgress } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import type { Transport } from "../core/http.ts";
import type { TaskResult } from "../core/result.ts";
import type { Plan, RunLimits, Task } from "../core/task.ts";
import type { Tracing } from "../core/telemetry.ts";
import { bugMessage } from "../core/text.ts";
import { download, type DownloadContext, type DownloadOutcome } from "../download/download.ts";
import { createAdmit } from "../http/egress.ts";
import { abortReason } from "../http/network_error.ts";
import { createWatcher } from "../download/timeouts.ts";
import { Family, type FamilyContext } from "../download/family.ts";
import type { Slot } from "../schedule/pool.ts";
import { createThrottle } from "../schedule/throttle.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import type { Holding } from "./leases.ts";
import { createParking, hostOf } from "./parking.ts";

/** What the tasks of a run share. */
export interface WorkContext {
  /** Name of the run. */
  readonly run: string;
  readonly plan: Plan;
  readonly host: Host;
  /** Sends requests. */
  readonly transport: Transport;
  readonly store: Store;
  readonly state: State;
  readonly holding: Holding;
  /** Absolute paths of the files of the config. */
  readonly configFiles: readonly string[];
  /** Hosts that were parked by earlier runs, and until when; kept up to date. */
  readonly parked: Map<string, Temporal.Instant>;
  /** Milliseconds until the deadline of the run; Infinity without one. */
  readonly remainingMs: () => number;
  readonly limits: RunLimits;
  readonly progress: Progress;
  /** Where tasks are traced. */
  readonly tracing: Tracing;
  /** Ends the run. */
  readonly signal: AbortSignal;
  /** Takes everything out of a text that nobody should read. */
  readonly redact: (text: string) => string;
  readonly emit: (occurrence: RunOccurrence) => void;
}

/** Brings tasks to their outcomes. */
export interface Work {
  /** Carries out a task. What goes wrong, a bug included, is in the outcome. */
  carryOut(task: Task, slot: Slot): Promise<DownloadOutcome>;
  /** The outcome of a task that the end of the run was faster than. */
  giveUp(task: Task): DownloadOutcome;
}

/** The egress rule of a task with `allowPrivate`. */
function admitAll(): boolean {
  return false;
}

/** Prepares what all tasks of a run share. */
export function createWork(context: WorkContext): Work {
  const { plan, host, transport, store, state, holding, limits, progress, redact } = context;
  const { run, tracing, signal, emit } = context;
  const parking = createParking({ ...context, clock: host.clock });
  const admit = createAdmit();
  const shared = {
    host,
    watcher: createWatcher(signal, host),
    transport,
    store,
    statCache: store.statCache(keysOf(plan, holding), signal),
    signal,
    redact,
    durable: state.durable,
    checksumFiles: new Map(),
    throttle: limits.rateBytesPerSecond === null
      ? null
      : createThrottle(limits.rateBytesPerSecond, host),
    received: (bytes: number) => {
      progress.bytes += bytes;
    },
  };
  const { configFiles } = context;
  const own = ownFilesOf({
    // A store or a state of the caller's may have any text here.
    store: parseStoreLocation(store.location, "/").value ?? null,
    state: parseStateLocation(state.location, "/").value ?? null,
    files: configFiles,
  });
  let known: KeyOwners | null = null;
  // Few runs have a task that is named by its server, and many have very many tasks.
  const owners = () => known ??= ownersOf(plan, holding);
  const families: FamilyContext = {
    store,
    state,
    signal,
    faultOf: (key, task) => {
      const fault = reservedKey(key, task.namedByServer, own);
      const isItsOwn = key === task.key && !task.namedByServer && baseKey(foldKey(key)) === null;
      return fault ?? (isItsOwn ? null : owners().faultOf(key, task.id));
    },
    reserve: (key, task) => owners().add(key, task.id),
  };

  const untouched = (task: Task, facts: OutcomeFacts): DownloadOutcome => ({
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
      sha256: null,
      httpStatus: null,
      attempts: [],
      timings: { queuedMs: 0, responseMs: 0, bodyMs: 0, publishMs: 0 },
      warnings: [],
    },
  });

  const broken = (task: Task, bug: unknown): DownloadOutcome => {
    const message = bugMessage(bug);
    return { ...untouched(task, { status: "failed", code: "internal", message }), permanent: true };
  };

  const deferral = (task: Task, until: Temporal.Instant): OutcomeFacts => {
    const message = `${hostOf(task)} is rate-limiting`;
    return { status: "deferred", message, notBefore: until.toString() };
  };

  const downloadContext = (
    task: Task,
    slot: Slot,
    taskProgress: TaskProgress,
    tracing: Tracing,
  ): DownloadContext => {
    const remembered = holding.recordOf(task.id);
    return {
      ...shared,
      progress: taskProgress,
      tracing,
      jar: null,
      admit: task.allowPrivate ? admitAll : admit,
      recorded: remembered?.published ?? null,
      part: remembered?.part ?? null,
      older: remembered?.older ?? null,
      family: new Family(families, task, remembered ?? NOTHING_RECORDED),
      turn: parking.turnOf(task, slot),
      borrow: slot.borrow,
      retrying: (attempt, code, delayMs) =>
        emit({ type: "task.retrying", task: task.id, attempt, code, delayMs }),
    };
  };

  const giveUp = (task: Task): DownloadOutcome => {
    const { code, message } = abortReason(signal);
    return untouched(task, { status: "cancelled", code, message });
  };

  return {
    carryOut: async (task, slot) => {
      if (!holding.holds(task.id)) {
        const message = "another run is working on it";
        return untouched(task, { status: "skipped", message });
      }
      const admission = parking.admit(task, slot);
      try {
        const until = admission && await admission;
        if (until) return untouched(task, deferral(task, until));
      } catch {
        return giveUp(task);
      }
      const taskProgress: TaskProgress = { receivedBytes: 0, totalBytes: null };
      progress.running.set(task.id, taskProgress);
      const url = redact(task.url);
      emit({ type: "task.started", task: task.id, url });
      const stretch = { kind: "task", run, task: task.id, url, key: task.key } as const;
      const outcome = await tracing.trace(stretch, async (span) => {
        const made = await download(task, downloadContext(task, slot, taskProgress, span))
          .catch((bug) => broken(task, bug));
        span.ended({ kind: "task", result: made.result });
        return made;
      });
      progress.running.delete(task.id);
      parking.settle(task, slot, outcome.result);
      return outcome;
    },
    giveUp,
  };
}

/** Every key that a run may look at. */
function* keysOf({ entries }: Plan, holding: Holding): Generator<string> {
  for (const { task: { id, key }, included } of entries) {
    if (!included) continue;
    yield key;
    const published = holding.recordOf(id)?.published;
    if (published) yield published.key;
  }
}

/** The keys of all tasks; those that are not in this run included. */
function ownersOf({ entries }: Plan, holding: Holding): KeyOwners {
  const owners = new KeyOwners();
  for (const { task } of entries) owners.add(task.key, task.id);
  for (const { task: { id, namedByServer } } of entries) {
    // A name stays the task's in a run that does not receive it again.
    const key = namedByServer ? holding.recordOf(id)?.published?.key : undefined;
    if (key !== undefined) owners.add(key, id);
  }
  return owners;
}

/** Of a task without a record. */
const NOTHING_RECORDED = { published: null, publishedAt: null };

/** What there is to say about a task that was not worked on. */
type OutcomeFacts = Pick<TaskResult, "status" | "code" | "notBefore"> & {
  readonly message: string;
};
