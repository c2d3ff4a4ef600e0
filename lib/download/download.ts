/** One task: its attempts, in order, until the file is good or nothing more can be done. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { Random } from "../core/host.ts";
import type { HeaderFields } from "../core/http.ts";
import type { AttemptResult, TaskResult, TaskStatus, Validators, Warning } from "../core/result.ts";
import type { Task } from "../core/task.ts";
import type { Span, Tracing } from "../core/telemetry.ts";
import type { OlderRepresentation, PartRecord } from "../state/state.ts";
import {
  ageFacts,
  type AttemptContext,
  type AttemptStats,
  performAttempt,
  type Source,
} from "./attempt.ts";
import { type ChecksumFiles, settleChecksum } from "./expected_digests.ts";
import type { Family } from "./family.ts";
import { serverName } from "./filename.ts";
import { abortReason } from "../http/network_error.ts";
import { createParts, type Parts } from "./resume.ts";
import { publish, type Published, publishedDigest } from "./publish.ts";
import { decideRetry, isBusy } from "./retry.ts";
import { receivingMs } from "./timeouts.ts";
import { compareToStored, decideAge, refreshedValidators } from "./conditional.ts";

/** What a task's download needs of the world and of the run it belongs to. */
export interface DownloadContext extends AttemptContext {
  readonly host: AttemptContext["host"] & { readonly random: Random };
  /** What is remembered about the published file, or null. */
  readonly remembered: Validators | null;
  /** What an earlier run has left of the file to continue, or null. */
  readonly part: PartRecord | null;
  /** An older file that earlier runs have received instead of the published one, or null. */
  readonly older: OlderRepresentation | null;
  /** Whether what is remembered outlives this run. */
  readonly durable: boolean;
  /** The files that the task has published. */
  readonly family: Family;
  /** Takes everything out of a text that nobody should read. */
  readonly redact: (text: string) => string;
  /** A safe base name made of a foreign one, or null if nothing is left of it. */
  readonly safeName: (name: string) => string | null;
  /** Puts the name a server gave into a key; the URL's own where it gave none. */
  readonly keyWithName: (key: string, name: string | null, url: string) => string;
  /** Checksum files this run has read. */
  readonly checksumFiles: ChecksumFiles;
  /** Where attempts are traced. */
  readonly tracing: Tracing;
  /** Waits between attempts, and what the other tasks of the host experience. */
  readonly turn: HostTurn;
  /** Told before each wait. */
  readonly retrying: (attempt: number, code: ErrorCode, delayMs: number) => void;
}

/** The task's turn at its host, which it shares with the other tasks of the host. */
export interface HostTurn {
  /** Waits; rejects with the reason of the signal. */
  rest(durationMs: number): Promise<void>;
  /** Pauses the whole host, and waits for the next turn; rejects with the reason of the signal. */
  pause(durationMs: number): Promise<void>;
  /** Pauses of the host since its last success. */
  readonly pauses: number;
  /** Records a busy response to the task. Returns whether it pauses the whole host. */
  reportBusy(httpStatus: number | null): boolean;
  /** Milliseconds until the host may receive requests again, once the run has deferred it. */
  deferredMs(): number | null;
  /** Milliseconds until the deadline of the run; Infinity without one. */
  remainingMs(): number;
}

/** What became of a task, and what is to be remembered of it. */
export interface DownloadOutcome {
  /** All but the waiting before the start, which the pool knows. */
  readonly result: TaskResult;
  /** The file failed, and asking again would give the same answer. */
  readonly permanent: boolean;
  /** Of the file that is published now; null where nothing new is known. */
  readonly validators: Validators | null;
  /** What a later run may continue. Absent where the task was not worked on. */
  readonly part?: PartRecord | null;
  /** The older file that the server sent instead; absent if it sent none. */
  readonly older?: OlderRepresentation;
}

/** A task on its way: what has happened so far. */
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
  trace: AttemptStats;
}

/** The good end of a source. */
interface Ending extends Published {
  readonly older?: OlderRepresentation;
}

/** Why a source was given up. */
interface Failure {
  readonly error: CronfetchError;
  /** Milliseconds to leave it alone, where the server asked for that or is busy. */
  readonly deferMs: number | null;
}

/**
 * Brings one file up to date: asks `task.url` and then the mirrors, each until
 * it answers or its attempts are used up. Never rejects but for bugs; what goes
 * wrong is in the result. If nothing helps, the result is about `task.url`.
 */
export async function download(task: Task, context: DownloadContext): Promise<DownloadOutcome> {
  const { part: remembered, store, statCache, signal, durable } = context;
  const parts = createParts({
    store,
    statCache,
    signal,
    task,
    remembered,
    durable,
  });
  const outcome = await trySources({
    task,
    context,
    startedMs: context.host.clock.monotonicMs(),
    receivingMs: 0,
    parts,
    attempts: [],
    warnings: [],
    trace: emptyTrace(),
  });
  return { ...outcome, part: await parts.finish(outcome.validators !== null) };
}

async function trySources(course: TaskState): Promise<DownloadOutcome> {
  const { task, context } = course;
  let first: { readonly failure: Failure; readonly trace: AttemptStats } | null = null;
  for (const url of [task.url, ...task.mirrors]) {
    const ending = await trySource(url, course);
    if ("status" in ending) return published(course, ending);
    if (context.signal.aborted) {
      return failed(course, "cancelled", { error: abortReason(context.signal), deferMs: null });
    }
    first ??= { failure: ending, trace: course.trace };
    // Another place for the file is no help against a store that cannot take it.
    if (ending.error.code.startsWith("store.")) break;
  }
  if (!first) throw new TypeError("a task without a URL");
  course.trace = first.trace;
  return failed(course, first.failure.deferMs === null ? "failed" : "deferred", first.failure);
}

/** Makes attempts at one URL, as `retry.ts` decides. */
async function trySource(url: string, course: TaskState): Promise<Ending | Failure> {
  const { task, context, attempts, parts } = course;
  const { clock, random } = context.host;
  const { turn } = context;
  const shown = context.redact(url);
  const source: Source = {
    url,
    published: null,
    older: context.older,
    partial: null,
    hasRestarted: false,
    keyFor: (headers, servedFrom) => keyFor(task, headers, servedFrom, context),
    checkExisting: task.namedByServer
      ? (key, existing) => context.family.checkExisting(key, existing)
      : null,
  };
  let delayMs = 0;
  let counted = 0;
  let pauses = 0;
  try {
    for (let made = 1;; made++) {
      const trace = course.trace = emptyTrace();
      let error: CronfetchError;
      try {
        if (made === 1) source.partial = await parts.resume(shown);
        const stretch = {
          kind: "attempt",
          task: task.id,
          url: shown,
          attempt: attempts.length + 1,
        } as const;
        const work = (span: Span) => traceAttempt(span, source, course);
        const ending = await context.tracing.trace(stretch, work);
        attempts.push({ code: null, httpStatus: trace.httpStatus, delayMs });
        return ending;
      } catch (thrown) {
        if (!(thrown instanceof CronfetchError)) throw thrown;
        error = thrown;
      }
      attempts.push({ code: error.code, httpStatus: trace.httpStatus, delayMs });
      if (context.signal.aborted) return { error, deferMs: null };
      course.receivingMs += receivingMs(trace, error.code, task.timeouts);
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
        spentMs: clock.monotonicMs() - course.startedMs - course.receivingMs,
        remainingMs: turn.remainingMs(),
        limits: task.retry,
        fraction: random.fraction(),
      });
      if (decision.kind === "stop") return { error, deferMs: null };
      if (decision.kind === "defer") return { error, deferMs: decision.delayMs };
      delayMs = decision.delayMs;
      context.retrying(attempts.length + 1, error.code, delayMs);
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

/** Whether two URLs lead to the same host and port. */
function isSameHost(one: string, other: string): boolean {
  return one === other || new URL(one).host === new URL(other).host;
}

/** Carries one attempt to its end, and reports how it ended to the span. */
async function traceAttempt(span: Span, source: Source, course: TaskState): Promise<Ending> {
  const { trace, context: { redact } } = course;
  let code: ErrorCode | null = null;
  try {
    return await runAttempt(source, course);
  } catch (error) {
    code = error instanceof CronfetchError ? error.code : "internal";
    throw error;
  } finally {
    const servedFrom = trace.servedFrom === null ? null : redact(trace.servedFrom);
    const { httpStatus, bytes } = trace;
    span.ended({ kind: "attempt", code, httpStatus, servedFrom, bytes });
  }
}

/** Carries one attempt to its end: a published file, or one that needs no change. */
async function runAttempt(source: Source, course: TaskState): Promise<Ending> {
  const { task, context, trace, warnings } = course;
  const { clock } = context.host;
  // A store that cannot be used is no reason to bother anybody else.
  await context.statCache.ready();
  const trusted = await checkStored(source.url, course);
  source.published = task.conditional ? trusted : null;
  const settled = await settleChecksum(task, context.checksumFiles, context);
  const received = await performAttempt(settled, source, trace, context);
  const nowMs = clock.now().epochMilliseconds;
  if (received.kind !== "received") {
    if (!trusted) throw new TypeError("a response was compared with an unknown file");
    if (received.kind === "unchanged") {
      const validators = { ...trusted, ...refreshedValidators(trusted, trace.headers, nowMs) };
      return { status: "unchanged", validators };
    }
    warnings.push("olderThanPublished");
    return { status: "unchanged", validators: trusted, older: received.older };
  }
  const sealedMs = clock.monotonicMs();
  try {
    const ending = await publish(settled, received, {
      store: context.store,
      signal: context.signal,
      trusted,
      source: context.redact(source.url),
      headers: trace.headers,
      nowMs,
      family: context.family,
    });
    if (!received.lengthKnown) warnings.push("lengthUnknown");
    const age = decideAge(trace.headers, ageFacts(source, settled), () => nowMs);
    if (age.kind !== "current") warnings.push("olderThanPublished");
    return ending;
  } finally {
    trace.publishMs = clock.monotonicMs() - sealedMs;
  }
}

function emptyTrace(): AttemptStats {
  return {
    servedFrom: null,
    httpStatus: null,
    headers: new Headers(),
    bytes: 0,
    responseMs: 0,
    bodyMs: 0,
    publishMs: 0,
  };
}

function published(course: TaskState, { status, validators, older }: Ending): DownloadOutcome {
  const facts = { key: validators.key, sha256: validators.sha256 };
  return {
    permanent: false,
    validators,
    result: { ...result(course, status), ...facts },
    ...(older && { older }),
  };
}

function failed(
  course: TaskState,
  status: "failed" | "deferred" | "cancelled",
  { error, deferMs }: Failure,
): DownloadOutcome {
  const { task, context } = course;
  const now = context.host.clock.now();
  return {
    permanent: status === "failed" && error.retry === "never",
    validators: null,
    result: {
      ...result(course, status),
      code: error.code,
      // What was being done, to what, and what went wrong.
      message: `fetching ${context.redact(task.url)}: ${context.redact(error.message)}`,
      ...(status === "deferred"
        ? { notBefore: now.add({ milliseconds: Math.ceil(deferMs ?? 0) }).toString() }
        : {}),
    },
  };
}

/** What every result holds. */
function result(course: TaskState, status: TaskStatus): TaskResult {
  const { task, context, trace } = course;
  return {
    task: task.id,
    status,
    url: context.redact(task.url),
    servedFrom: trace.servedFrom === null ? null : context.redact(trace.servedFrom),
    key: task.key,
    bytes: trace.bytes,
    sha256: null,
    httpStatus: trace.httpStatus,
    attempts: course.attempts,
    timings: {
      queuedMs: 0,
      responseMs: Math.round(trace.responseMs),
      bodyMs: Math.round(trace.bodyMs),
      publishMs: Math.round(trace.publishMs),
    },
    warnings: course.warnings,
  };
}

/** What is remembered, if it is about this URL and the file is still the one published. */
async function checkStored(url: string, { task, context }: TaskState): Promise<Validators | null> {
  const { remembered, statCache, redact, signal } = context;
  const stored = remembered && await statCache.get(remembered.key);
  if (!stored) return null;
  const key = task.namedByServer ? remembered.key : task.key;
  const compared = compareToStored(remembered, stored, { key, source: redact(url) });
  if (compared === "unclear") {
    // Touched, or copied back: the same bytes are as good as the same file.
    const digest = await publishedDigest(context.store, remembered.key, signal);
    if (digest !== remembered.sha256) return null;
  } else if (compared === "other") return null;
  return { ...remembered, revision: stored.revision };
}

/** The key of an answer: the task's, with the server's name in it where it asks for that. */
function keyFor(
  task: Task,
  headers: HeaderFields,
  servedFrom: string,
  { safeName, keyWithName, family }: DownloadContext,
): string | Promise<string> {
  if (!task.namedByServer) return task.key;
  const name = serverName(headers.get("content-disposition"), servedFrom, safeName);
  return family.keyFor(keyWithName(task.key, name, task.url));
}
