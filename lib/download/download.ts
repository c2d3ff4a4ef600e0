/** Downloads one task: its attempts, in order, until the file is current or no attempt is left. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { AttemptResult, TaskResult, TaskStatus, Validators, Warning } from "../core/result.ts";
import type { ExpectedDigests, Task } from "../core/task.ts";
import type { Span, Tracing } from "../core/telemetry.ts";
import { withoutQuery } from "../core/text.ts";
import { abortReason } from "../http/network_error.ts";
import type { OlderRepresentation, PartRecord } from "../state/state.ts";
import {
  type AttemptContext,
  type AttemptOutcome,
  type AttemptSource,
  type AttemptStats,
  performAttempt,
  type Received,
} from "./attempt.ts";
import { decideAge, refreshedValidators } from "./conditional.ts";
import { ageFacts, type ChecksumFiles, expectedDigests, knownDigests } from "./expected_digests.ts";
import { checkStored, NO_TRANSFORM, publish, type Published } from "./publish.ts";
import { Parts } from "./resume.ts";
import { decideRetry, type HostTurn, isBusy, isPending, type NextAttempt } from "./retry.ts";
import { receivingMs } from "./timeouts.ts";

/** What a download needs from its run. */
export interface DownloadContext extends AttemptContext {
  readonly host: AttemptContext["host"] & Pick<Host, "random" | "env" | "execute">;
  /** Recorded validators of the published file, or null. */
  readonly recorded: Validators | null;
  /** Recorded partial file of an earlier run, or null. */
  readonly part: PartRecord | null;
  /** An older file that earlier runs received instead of the published one, or null. */
  readonly older: OlderRepresentation | null;
  /** Whether the state outlives this process. */
  readonly durable: boolean;
  /** Redacts secrets. */
  readonly redact: (text: string) => string;
  readonly checksumFiles: ChecksumFiles;
  /** Traces the attempts. */
  readonly tracing: Tracing;
  readonly turn: HostTurn;
  /** Milliseconds from the start of the run to that of the task. */
  readonly queuedMs: number;
  /** Called before each wait for another attempt. */
  readonly retrying: (next: NextAttempt) => void;
}

/** The result of a download, and what to record. */
export interface DownloadOutcome {
  readonly result: TaskResult;
  /** The task failed, and another request would fail the same way. */
  readonly permanent: boolean;
  /** Validators of the published file; null if there is nothing new to record. */
  readonly validators: Validators | null;
  /** What a later run can resume. Absent if the task was not started. */
  readonly part?: PartRecord | null;
  /** The older file that the server sent instead of the published one; absent if it sent none. */
  readonly older?: OlderRepresentation;
  /** The last response of a task that succeeded; absent for any other. */
  readonly response?: Pick<AttemptStats, "servedFrom" | "headers">;
}

/** A task in progress. */
interface TaskState {
  readonly task: Task;
  readonly context: DownloadContext;
  readonly startedMs: number;
  /** Milliseconds in which failed attempts received their bodies. */
  receivingMs: number;
  readonly parts: Parts;
  readonly attempts: AttemptResult[];
  readonly warnings: Warning[];
  /** Of the last attempt. */
  stats: AttemptStats;
}

/** Success of a source. */
interface Success extends Published {
  readonly older?: OlderRepresentation;
}

/** Failure of a source. */
interface Failure {
  readonly error: CronfetchError;
  /** Milliseconds until the next request, if the server requested a pause or is busy; else null. */
  readonly deferMs: number | null;
}

/**
 * Brings one file up to date: tries `task.url` and then each mirror, until one succeeds. If all
 * fail, the result describes the failure of `task.url`.
 *
 * @returns The outcome, failures included. Rejects only because of a bug.
 */
export async function download(task: Task, context: DownloadContext): Promise<DownloadOutcome> {
  const { store, statCache, signal, durable } = context;
  const state: TaskState = {
    task,
    context,
    startedMs: context.host.clock.monotonicMs(),
    receivingMs: 0,
    parts: new Parts({ store, statCache, signal, task, recorded: context.part, durable }),
    attempts: [],
    warnings: [],
    stats: emptyStats(),
  };
  const success = await trySource(task.url, state);
  if ("status" in success) return withPart(state, succeeded(state, success));
  return withPart(state, await tryMirrors(success, state));
}

/** Adds what a later run can resume. */
function withPart(
  { parts }: TaskState,
  outcome: DownloadOutcome,
): DownloadOutcome | Promise<DownloadOutcome> {
  if (parts.isEmpty) return outcome;
  return parts.finish(outcome.validators !== null).then((part) => {
    if (part === null) return { ...outcome, part };
    return { ...outcome, part, result: { ...outcome.result, partialBytes: part.sizeBytes } };
  });
}

/** Tries the mirrors of a task after its URL has failed. */
async function tryMirrors(first: Failure, state: TaskState): Promise<DownloadOutcome> {
  const { task, context, stats } = state;
  let end = first;
  for (const url of task.mirrors) {
    // A mirror does not help if the store fails.
    if (context.signal.aborted || end.error.code.startsWith("store.")) break;
    const next = await trySource(url, state);
    if ("status" in next) return succeeded(state, next);
    end = next;
  }
  if (context.signal.aborted) {
    return failed(state, "cancelled", { error: abortReason(context.signal), deferMs: null });
  }
  state.stats = stats;
  if (first.deferMs !== null) return failed(state, "deferred", first);
  const isEarly = isPending(task, first.error, context.host.clock.now());
  return failed(state, isEarly ? "pending" : "failed", first);
}

/** Makes attempts at one URL, as {@linkcode decideRetry} decides. */
async function trySource(url: string, state: TaskState): Promise<Success | Failure> {
  const { task, context, attempts, parts } = state;
  const { host: { clock, random }, turn } = context;
  const shown = context.redact(url);
  const { older } = context;
  const source: AttemptSource = { url, published: null, older, partial: null, hasRestarted: false };
  let delayMs = 0;
  let counted = 0;
  let pauses = 0;
  try {
    for (let made = 1;; made++) {
      const stats = state.stats = emptyStats();
      let error: CronfetchError;
      try {
        if (made === 1 && !parts.isEmpty) source.partial = await parts.resume(shown);
        const start = {
          kind: "attempt",
          task: task.id,
          url: shown,
          attempt: attempts.length + 1,
        } as const;
        const work = (span: Span) => attempt(span, source, state);
        const success = await context.tracing.trace(start, work);
        attempts.push({ code: null, httpStatus: stats.httpStatus, delayMs });
        return success;
      } catch (thrown) {
        if (!(thrown instanceof CronfetchError)) throw thrown;
        error = thrown;
      }
      attempts.push({ code: error.code, httpStatus: stats.httpStatus, delayMs });
      if (context.signal.aborted) return { error, deferMs: null };
      state.receivingMs += receivingMs(stats, error.code, task.timeouts);
      const { pauseMs } = error;
      const pausesHost = isBusy(error) && isSameHost(url, task.url) &&
        turn.reportBusy(error.httpStatus);
      if (pauseMs !== null) pauses++;
      else if (!pausesHost) counted++;
      const decision = decideRetry({
        error,
        // The attempts at a busy host are those of all its tasks.
        attempts: pausesHost && pauseMs === null ? turn.pauses + 1 : counted,
        pauses: !pausesHost ? pauses : pauseMs === null ? 0 : turn.pauses + 1,
        spentMs: clock.monotonicMs() - state.startedMs - state.receivingMs,
        remainingMs: turn.remainingMs(),
        limits: task.retry,
        fraction: random.fraction(),
      });
      if (decision.kind === "stop") return { error, deferMs: null };
      if (decision.kind === "defer") return { error, deferMs: decision.delayMs };
      delayMs = decision.delayMs;
      context.retrying({
        attempt: attempts.length + 1,
        counted: pauseMs !== null || pausesHost ? null : counted + 1,
        code: error.code,
        httpStatus: stats.httpStatus,
        delayMs,
      });
      try {
        if (pausesHost) await turn.pause(delayMs);
        else if (delayMs > 0) await turn.rest(delayMs);
      } catch {
        return { error: abortReason(context.signal), deferMs: null };
      }
      const deferMs = pausesHost ? turn.deferredMs() : null;
      if (deferMs !== null) return { error, deferMs };
    }
  } finally {
    if (source.partial) await parts.keep(source.partial, shown);
  }
}

function isSameHost(one: string, other: string): boolean {
  return one === other || new URL(one).host === new URL(other).host;
}

/** Makes one attempt, publishes what it received, and records its end in the span. */
async function attempt(span: Span, source: AttemptSource, state: TaskState): Promise<Success> {
  const { task, context, stats } = state;
  context.progress.phase = "connecting";
  let code: ErrorCode | null = null;
  try {
    // If the store is unavailable, fail before a request is sent.
    const storeReady = context.statCache.ready();
    if (storeReady !== null) await storeReady;
    const current = context.recorded &&
      await checkStored(source.url, context.recorded, task, context);
    source.published = task.conditional ? current : null;
    const digests = knownDigests(task) ??
      await expectedDigests(task, context.checksumFiles, context);
    const outcome = await performAttempt(task, digests, source, stats, context);
    return outcome.kind === "received"
      ? await publishReceived(outcome, current, digests, source, state)
      : keepPublished(outcome, current, state);
  } catch (error) {
    code = error instanceof CronfetchError ? error.code : "internal";
    // A proxy that refuses the request has a status, and the server has none.
    if (error instanceof CronfetchError) stats.httpStatus ??= error.httpStatus;
    throw error;
  } finally {
    const servedFrom = stats.servedFrom === null ? null : redacted(stats.servedFrom, context);
    const { httpStatus, bytes } = stats;
    span.ended({ kind: "attempt", code, httpStatus, servedFrom, bytes });
  }
}

/** The success of an attempt that received nothing new. */
function keepPublished(
  outcome: Exclude<AttemptOutcome, Received>,
  current: Validators | null,
  { context, stats, warnings }: TaskState,
): Success {
  if (!current) throw new TypeError("a response was compared with an unknown file");
  if (outcome.kind === "unchanged") {
    const nowMs = context.host.clock.now().epochMilliseconds;
    const validators = { ...current, ...refreshedValidators(current, stats.headers, nowMs) };
    return { status: "unchanged", validators, previousSizeBytes: null };
  }
  warnings.push("olderThanPublished");
  const { older } = outcome;
  return { status: "unchanged", validators: current, previousSizeBytes: null, older };
}

/** Publishes what an attempt received. */
async function publishReceived(
  received: Received,
  current: Validators | null,
  digests: ExpectedDigests,
  source: AttemptSource,
  { task, context, stats, warnings }: TaskState,
): Promise<Success> {
  const { clock } = context.host;
  const nowMs = clock.now().epochMilliseconds;
  const sealedMs = clock.monotonicMs();
  context.progress.phase = "publishing";
  try {
    // Loaded on demand: few tasks have a transform.
    const transform = task.transform === null
      ? NO_TRANSFORM
      : await (await import("./transform.ts")).bindTransform(task, source.url, stats, context);
    const unpacking = task.unpack === null
      ? null
      : await (await import("./unpack.ts")).bindUnpack(task.unpack, context);
    const success = await publish(task, digests, received, {
      store: context.store,
      signal: context.signal,
      current,
      recorded: context.recorded,
      unpacking,
      source: context.redact(source.url),
      headers: stats.headers,
      nowMs,
      family: context.family,
      ...transform,
    });
    if (success.warning) warnings.push(success.warning);
    if (!received.lengthKnown) warnings.push("lengthUnknown");
    const age = decideAge(stats.headers, ageFacts(source, digests), () => nowMs);
    if (age.kind !== "current") warnings.push("olderThanPublished");
    const { servedFrom } = stats;
    if (servedFrom === null || servedFrom === source.url) return success;
    const finalUrl = redacted(withoutQuery(servedFrom), context);
    return { ...success, validators: { ...success.validators, finalUrl } };
  } finally {
    stats.publishMs = clock.monotonicMs() - sealedMs;
  }
}

/** The headers before the first response. */
const NO_FIELDS = { get: () => null };

function emptyStats(): AttemptStats {
  return {
    servedFrom: null,
    httpStatus: null,
    headers: NO_FIELDS,
    droppedHeaders: [],
    bytes: 0,
    decodedBytes: null,
    responseMs: 0,
    bodyMs: 0,
    publishMs: 0,
  };
}

function succeeded(state: TaskState, success: Success): DownloadOutcome {
  const { status, validators, older } = success;
  return {
    permanent: false,
    validators,
    part: null,
    result: result(state, status, success),
    response: state.stats,
    ...(older && { older }),
  };
}

function failed(
  state: TaskState,
  status: "failed" | "pending" | "deferred" | "cancelled",
  { error, deferMs }: Failure,
): DownloadOutcome {
  const { task, context } = state;
  const now = context.host.clock.now();
  return {
    permanent: status === "failed" && error.retry === "never",
    validators: null,
    part: null,
    result: {
      ...result(state, status, null),
      code: error.code,
      message: `fetching ${context.redact(task.url)}: ${redacted(error.message, context)}`,
      ...(status === "deferred"
        ? { notBefore: now.add({ milliseconds: Math.ceil(deferMs ?? 0) }).toString() }
        : {}),
    },
  };
}

/** Server text without the secrets of the config and the values of the task's cookies. */
function redacted(text: string, { redact, jar }: DownloadContext): string {
  const shown = redact(text);
  return jar === null ? shown : jar.redact(shown);
}

/** The fields that all results share. */
function result(state: TaskState, status: TaskStatus, success: Success | null): TaskResult {
  const { task, context, stats, startedMs } = state;
  const published = success?.validators;
  return {
    task: task.id,
    status,
    url: context.redact(task.url),
    servedFrom: stats.servedFrom === null ? null : redacted(stats.servedFrom, context),
    key: published?.key ?? task.key,
    bytes: stats.decodedBytes ?? stats.bytes,
    wireBytes: stats.bytes,
    sha256: published?.sha256 ?? null,
    sizeBytes: published?.sizeBytes ?? null,
    previousSizeBytes: success?.previousSizeBytes ?? null,
    partialBytes: null,
    httpStatus: stats.httpStatus,
    attempts: state.attempts,
    timings: {
      queuedMs: context.queuedMs,
      responseMs: Math.round(stats.responseMs),
      bodyMs: Math.round(stats.bodyMs),
      publishMs: Math.round(stats.publishMs),
      totalMs: Math.round(context.host.clock.monotonicMs() - startedMs),
    },
    warnings: state.warnings,
    ...(success?.members && { members: success.members }),
  };
}
