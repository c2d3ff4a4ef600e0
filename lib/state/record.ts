/** The record of a task after a result. Pure. */

import type { TaskResult, Validators } from "../core/result.ts";
import type { Task } from "../core/task.ts";
import { backoffMs, earlier } from "../core/time.ts";
import { addOutcome } from "./outcomes.ts";
import type { OlderRepresentation, PartRecord, RecentResult, State, TaskRecord } from "./state.ts";

/** Recorded results per task; consecutive equal ones count as one. */
export const RESULTS_KEPT = 10;

// Lengths of text. In the worst encoding a record with all of them takes less than 64 KiB.
const LONGEST_MESSAGE = 400;
const LONGEST_VALIDATOR = 1_000;
const LONGEST_SOURCE = 4_000;
const LONGEST_NAME = 2_000;

const FIRST_BACKOFF_MS = 60_000;
const FIRST_PERMANENT_BACKOFF_MS = 15 * 60_000;
const LONGEST_BACKOFF_MS = 6 * 60 * 60 * 1000;

/** Input of {@linkcode nextRecord} besides the result. */
export interface RecordFacts {
  /** The run's id. */
  readonly run: string;
  /** When the task ended, RFC 3339 in UTC. */
  readonly at: string;
  /** Validators of the bytes that are now published; null if unchanged. */
  readonly published: Validators | null;
  /** A failure that the same request would repeat. */
  readonly permanent: boolean;
  /** Consecutive failures after which a task is unhealthy; at least 1. */
  readonly alertAfter: number;
  /** Milliseconds of failures before a task is unhealthy. */
  readonly unhealthyAfterMs: number;
  /** A partial file to resume. Default: that of the previous record. */
  readonly part?: PartRecord | null;
  /** The older file that the server sent instead. Default: none. */
  readonly older?: OlderRepresentation;
}

/**
 * The record of a task after a result.
 *
 * A failure adds to the streak, and sets when the task is due again (see {@linkcode retryDelayMs}). A
 * task is unhealthy after `alertAfter` consecutive failures and `unhealthyAfterMs` since the first. A
 * deferral, like a cancellation and a pending file, neither ends nor extends the streak. Very long text is cut, or omitted
 * if a cut would falsify it, so that every driver can store every record.
 *
 * @returns The record to save; null for a `skipped` task, whose record belongs to the run that has
 * leased it.
 */
export function nextRecord(
  previous: TaskRecord | null,
  result: TaskResult,
  facts: RecordFacts,
): TaskRecord | null {
  const { at } = facts;
  const last = previous ?? emptyRecord(result.task);
  const recent = recentResult(result, facts.run, at);
  const recorded: TaskRecord = {
    ...last,
    part: facts.part === undefined ? last.part : partToKeep(facts.part),
    results: addResult(last.results, recent),
    outcomes: addOutcome(last, recent),
  };
  switch (result.status) {
    case "skipped":
      return null;
    case "cancelled":
      return recorded;
    case "deferred":
      return { ...recorded, notBefore: result.notBefore ?? null };
    case "pending":
      return { ...recorded, lastRunAt: at, notBefore: null, retryAt: result.notBefore ?? null };
    case "failed": {
      const failures = last.failures + 1;
      const failingSince = last.failures === 0 ? at : last.failingSince ?? at;
      const now = Temporal.Instant.from(at);
      const failingMs = now.since(Temporal.Instant.from(failingSince)).total("milliseconds");
      const isLasting = failures >= facts.alertAfter && failingMs >= facts.unhealthyAfterMs;
      return {
        ...recorded,
        lastRunAt: at,
        failures,
        failingSince,
        notBefore: null,
        retryAt: now.add({ milliseconds: retryDelayMs(failures, facts.permanent) }).toString(),
        // Unhealthy until the next success, even if `alertAfter` is raised: each alert has its recovery.
        health: isLasting || last.health === "unhealthy" ? "unhealthy" : "failing",
      };
    }
    case "created":
    case "updated":
    case "unchanged":
      return {
        ...recorded,
        published: publishedToKeep(facts.published ?? last.published),
        older: facts.older ?? null,
        publishedAt: result.status === "unchanged" ? last.publishedAt ?? at : at,
        changedAt: hasNewContent(last, result, facts.published)
          ? at
          : last.changedAt ?? last.publishedAt ?? at,
        lastRunAt: at,
        lastSuccessAt: at,
        failures: 0,
        failingSince: null,
        notBefore: null,
        retryAt: null,
        health: "healthy",
        part: null,
      };
    default:
      return result.status satisfies never;
  }
}

/**
 * When a pending task is tried again: after the backoff of a permanent failure, counted from its first
 * pending result in a row, and no later than its file is a failure.
 *
 * @param record The record before the result.
 * @param now The wall clock.
 * @param pendingUntil When a missing file is a failure.
 */
export function pendingRetryAt(
  record: Pick<TaskRecord, "results"> | null,
  now: Temporal.Instant,
  pendingUntil: Temporal.Instant,
): Temporal.Instant {
  let tries = 1;
  for (const { status, times } of record?.results ?? []) {
    if (status !== "pending") break;
    tries += times;
  }
  return earlier(now.add({ milliseconds: retryDelayMs(tries, true) }), pendingUntil) ??
    pendingUntil;
}

/**
 * The backoff of a failed task: a minute, doubled with each further failure, up to six hours; after a
 * permanent failure it begins at 15 minutes.
 *
 * @param failures Consecutive failures; at least 1.
 * @param permanent Whether the last one is permanent.
 * @returns Milliseconds.
 */
export function retryDelayMs(failures: number, permanent: boolean): number {
  const firstMs = permanent ? FIRST_PERMANENT_BACKOFF_MS : FIRST_BACKOFF_MS;
  return backoffMs(failures, firstMs, LONGEST_BACKOFF_MS);
}

/**
 * Whether content was published that differs from the last: not for the same bytes under another name,
 * or for a removed file that was published again.
 */
function hasNewContent(
  { published: last }: TaskRecord,
  { status }: TaskResult,
  published: Validators | null,
): boolean {
  if (published === null || status === "unchanged") return false;
  return published.sha256 !== last?.sha256;
}

/** The part of a record that determines when its task is due. */
interface RecordedTimes extends Pick<TaskRecord, "lastRunAt" | "notBefore" | "retryAt"> {
  readonly results: readonly Pick<RecentResult, "status">[];
}

/** Whether the backoff of a record is that of a pending file, not of a failure. */
function isPending({ results }: Pick<RecordedTimes, "results">): boolean {
  const last = results.find(({ status }) => status === "pending" || status === "failed");
  return last?.status === "pending";
}

/** {@linkcode RecordedTimes.results} of a pending task. */
const PENDING = [{ status: "pending" }] as const;

/** The recorded times that determine whether a task is due; without a record, it has never run. */
export function dueMemory(
  record: RecordedTimes | undefined,
): Record<"lastRunAt" | "notBefore" | "retryAt", Temporal.Instant | null> & {
  readonly isPending?: boolean;
  readonly isOutdated?: boolean;
} {
  return {
    ...(record && isPending(record) && { isPending: true }),
    lastRunAt: instant(record?.lastRunAt ?? null),
    notBefore: instant(record?.notBefore ?? null),
    retryAt: instant(record?.retryAt ?? null),
  };
}

/** Up to this many tasks, all records are read at once. */
export const MOST_AT_ONCE = 10_000;

/**
 * Reads the recorded times of tasks.
 *
 * @throws {CronfetchError} Any `state.` code.
 */
export async function dueMemories(
  tasks: readonly (Pick<Task, "id"> & Partial<Task>)[],
  state: Pick<State, "records" | "batchSize">,
): Promise<(task: Pick<Task, "id">) => ReturnType<typeof dueMemory>> {
  const times = new Map<string, RecordedTimes>();
  const items = new Map<string, Partial<Task>>();
  for (const task of tasks) if (task.origin?.kind === "item") items.set(task.id, task);
  const outdated = new Set<string>();
  const { batchSize = tasks.length } = state;
  const size = tasks.length > MOST_AT_ONCE ? batchSize : tasks.length;
  // Reading neighbours of the state together is cheaper.
  const ids = tasks.map(({ id }) => id).sort();
  for (let start = 0; start < ids.length; start += size) {
    const batch = ids.slice(start, start + size);
    for (const [task, record] of await state.records(batch)) {
      const { lastRunAt, notBefore, retryAt } = record;
      // The other results of 100,000 records would stay in memory.
      const results = isPending(record) ? PENDING : [];
      times.set(task, { lastRunAt, notBefore, retryAt, results });
      const item = items.get(task);
      if (item !== undefined && isOutdated(item, record)) outdated.add(task);
    }
  }
  return ({ id }) => {
    const memory = dueMemory(times.get(id));
    return outdated.has(id) ? { ...memory, isOutdated: true } : memory;
  };
}

/** Whether the list of an item names another version than the published one. */
export function isOutdated(
  { expect }: Partial<Pick<Task, "expect">>,
  { published }: Pick<TaskRecord, "published">,
): boolean {
  const received = published?.received ?? published;
  if (!received || !expect) return false;
  const { sha256, minSizeBytes, maxSizeBytes } = expect;
  return typeof sha256 === "string" && sha256 !== received.sha256 ||
    minSizeBytes === maxSizeBytes && minSizeBytes !== received.sizeBytes;
}

function instant(text: string | null): Temporal.Instant | null {
  return text === null ? null : Temporal.Instant.from(text);
}

/** The record of a task that never ran. */
export function emptyRecord(task: string): TaskRecord {
  return {
    task,
    published: null,
    publishedAt: null,
    changedAt: null,
    lastRunAt: null,
    lastSuccessAt: null,
    failures: 0,
    failingSince: null,
    notBefore: null,
    retryAt: null,
    older: null,
    health: "healthy",
    part: null,
    results: [],
    outcomes: "",
  };
}

function recentResult(result: TaskResult, run: string, at: string): RecentResult {
  return {
    run,
    at,
    since: at,
    times: 1,
    status: result.status,
    code: result.code ?? null,
    message: result.message === undefined ? null : cutMessage(result.message),
    httpStatus: result.httpStatus,
    bytes: result.bytes,
    durationMs: result.timings.totalMs,
    attempts: result.attempts.length,
  };
}

function addResult(results: readonly RecentResult[], added: RecentResult): RecentResult[] {
  const [last, ...older] = results;
  if (last === undefined || !alike(last, added)) return [added, ...results].slice(0, RESULTS_KEPT);
  return [{ ...added, since: last.since, times: last.times + 1 }, ...older];
}

/** Whether two results are equal, except for times. Two new files are not. */
function alike(a: RecentResult, b: RecentResult): boolean {
  return b.status !== "created" && b.status !== "updated" &&
    a.status === b.status && a.code === b.code && a.httpStatus === b.httpStatus;
}

/** A message without what exceeds the length that a state keeps. */
export function cutMessage(message: string): string {
  if (message.length <= LONGEST_MESSAGE) return message;
  // Half a surrogate pair is not well-formed.
  return `${message.slice(0, LONGEST_MESSAGE - 1).toWellFormed()}…`;
}

function publishedToKeep(published: Validators | null): Validators | null {
  if (published === null) return null;
  const { key, source, etag, lastModified } = published;
  if (key.length > LONGEST_NAME || source.length > LONGEST_SOURCE) return null;
  return { ...published, etag: validatorToKeep(etag), lastModified: validatorToKeep(lastModified) };
}

function validatorToKeep(validator: string | null): string | null {
  return validator !== null && validator.length > LONGEST_VALIDATOR ? null : validator;
}

function partToKeep(part: PartRecord | null): PartRecord | null {
  if (part === null) return null;
  const fits = part.source.length <= LONGEST_SOURCE && part.draft.length <= LONGEST_NAME &&
    part.validator.length <= LONGEST_VALIDATOR && part.key.length <= LONGEST_NAME;
  return fits ? part : null;
}
