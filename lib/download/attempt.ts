/** One attempt: a request, its answer, its body in a sealed draft. */

import { CronfetchError } from "../core/errors.ts";
import type { TaskProgress } from "../core/event.ts";
import type { Clock, Timers } from "../core/host.ts";
import type { HeaderFields, HttpResponse, Transport } from "../core/http.ts";
import type { Validators } from "../core/result.ts";
import type { OlderRepresentation } from "../state/state.ts";
import type { Draft, Sealed, StatCache, Store, StoredFile } from "../store/store.ts";
import { classifyResponse, type RequestKind, type ResponseUse } from "./response.ts";
import { agrees, expectsOtherDigest, type SettledTask } from "./expected_digests.ts";
import type { Admit } from "../http/egress.ts";
import { type CookieHolder, sendRequest } from "./request.ts";
import {
  canResume,
  isPermanentResponse,
  leavesPartial,
  mayUseRanges,
  type Part,
  rangeHeaders,
  RangesRefused,
  remainingBytes,
  strongValidator,
  unsatisfiedTotal,
} from "./resume.ts";
import type { AttemptWatch, AttemptWatcher } from "./timeouts.ts";
import { type Head, transfer, type TransferOptions } from "./transfer.ts";
import { type AgeFacts, conditionalHeaders, decideAge, isConditionRefused } from "./conditional.ts";

/** What an attempt needs of the world. */
export interface AttemptContext extends CookieHolder {
  readonly host: {
    readonly clock: Clock;
    readonly timers: Timers;
  };
  /** Keeps the time limits. */
  readonly watcher: AttemptWatcher;
  /** Sends requests. */
  readonly transport: Transport;
  readonly store: Store;
  /** Looks at the keys of the run's tasks. */
  readonly statCache: StatCache;
  /** Ends the run. */
  readonly signal: AbortSignal;
  readonly progress: TaskProgress;
  /** Told about every piece of a body, with its size. */
  readonly received: (bytes: number) => void;
  readonly throttle: ((bytes: number, signal: AbortSignal) => Promise<void>) | null;
  /** Takes a place for one more connection to the task's host; null if there is none. */
  readonly borrow: () => Disposable | null;
  /** The egress rule. */
  readonly admit: Admit;
}

/** What happened in an attempt, kept whether it succeeds or not. */
export interface AttemptStats {
  /** The URL that answered last, redirects left out. */
  servedFrom: string | null;
  /** Status of the last answer. */
  httpStatus: number | null;
  /** Headers of the last answer. */
  headers: HeaderFields;
  /** Body bytes received. */
  bytes: number;
  responseMs: number;
  bodyMs: number;
  publishMs: number;
}

/** A beginning of a file that may be continued by the next attempt. */
export interface PartialFile extends Part {
  readonly draft: Draft;
  readonly head: Head;
  readonly key: string;
}

/** One of the places a task can be had from, over its attempts. */
export interface Source {
  readonly url: string;
  /** The key under which an answer is stored. */
  readonly keyFor: (headers: HeaderFields, servedFrom: string) => string | Promise<string>;
  /** Refuses to replace a file that is not the task's; null where every file may be replaced. */
  readonly checkExisting: ((key: string, existing: StoredFile | null) => Promise<void>) | null;
  /** Of the published file, if responses are compared with it; otherwise null. */
  published: Validators | null;
  /** An older file that earlier runs have received instead of the published one, or null. */
  readonly older: OlderRepresentation | null;
  /** What the last attempt left to continue. */
  partial: PartialFile | null;
  /** A resumed file had another digest than expected, and was requested from scratch. */
  hasRestarted: boolean;
}

/** What an attempt brings. */
export type AttemptOutcome =
  | { readonly kind: "unchanged" }
  /** The server sends an older file than the published one, which stays. */
  | { readonly kind: "older"; readonly older: OlderRepresentation }
  | {
    readonly kind: "received";
    readonly key: string;
    readonly draft: Draft;
    readonly sealed: Sealed;
    readonly head: Head;
    /** Whether a cut body would have been noticed. */
    readonly lengthKnown: boolean;
  };

/** All that the steps of one attempt share. */
export interface AttemptState {
  readonly task: SettledTask;
  readonly source: Source;
  readonly trace: AttemptStats;
  readonly context: AttemptContext;
  readonly watch: AttemptWatch;
  /** Connections a large file may come over. */
  readonly segments: number;
}

type Received = Extract<AttemptOutcome, { kind: "received" }>;

/**
 * Makes one attempt. What it holds of a broken body is left in `source.held`
 * for the next one, if it may be continued.
 *
 * @throws {CronfetchError} Any code but those of expectations and publishing.
 */
export async function performAttempt(
  task: SettledTask,
  source: Source,
  trace: AttemptStats,
  context: AttemptContext,
): Promise<AttemptOutcome> {
  using watch = context.watcher.watch(task.timeouts);
  const ongoing = { task, source, trace, context, watch, segments: task.segments };
  try {
    return await resumeOrRequest(ongoing);
  } catch (error) {
    if (!(error instanceof RangesRefused)) throw error;
    return await resumeOrRequest({ ...ongoing, segments: 1 });
  }
}

/** Resumes the partial file, or requests the whole one. */
async function resumeOrRequest(ongoing: AttemptState): Promise<AttemptOutcome> {
  const { source } = ongoing;
  if (source.partial) {
    const resumed = await resume(ongoing, source.partial);
    if (resumed) return resumed;
  }
  const { response, answer } = await requestWhole(ongoing);
  if (answer.kind === "whole") return await receive(ongoing, response, answer);
  await response.body.cancel();
  if (answer.kind === "unchanged") return answer;
  throw new TypeError(`a plain request was answered by ${answer.kind}`);
}

/** Requests the whole file under the conditions, or without them if the server refuses those. */
async function requestWhole(
  ongoing: AttemptState,
): Promise<{ readonly response: HttpResponse; readonly answer: ResponseUse }> {
  const { source, context: { host: { clock } } } = ongoing;
  const unconditional = { conditional: false, rangeStart: null, clock };
  if (source.published === null) return await sendAndClassify(ongoing, {}, unconditional);
  const conditions = conditionalHeaders(source.published);
  const conditional = Object.keys(conditions).length > 0;
  try {
    return await sendAndClassify(ongoing, conditions, { ...unconditional, conditional });
  } catch (error) {
    if (!conditional || !(error instanceof CronfetchError)) throw error;
    if (!isConditionRefused(error)) throw error;
    return await sendAndClassify(ongoing, {}, unconditional);
  }
}

/** Requests the rest of a partial file. Returns null, with nothing held, to start from scratch. */
async function resume(ongoing: AttemptState, held: PartialFile): Promise<AttemptOutcome | null> {
  const { task, source, context } = ongoing;
  const part = task.conditional ? held : { ...held, validator: "" };
  const asked = await sendAndClassify(ongoing, rangeHeaders(part), {
    conditional: false,
    rangeStart: part.sizeBytes,
    clock: ongoing.context.host.clock,
  }).catch((error) => {
    if (isPermanentResponse(error)) return null;
    throw error;
  });
  if (asked === null) {
    // Every request for the rest would get this answer; one for the whole file may not.
    source.partial = null;
    await held.draft.discard();
    return null;
  }
  const { response, answer } = asked;
  const restBytes = answer.kind === "part" ? remainingBytes(part, response.headers) : null;
  if (restBytes !== null) {
    const received = await receiveInto(ongoing, part, response, restBytes);
    const isProven = part.validator !== "" || source.hasRestarted;
    if (isProven || await agrees(received.draft, received.sealed, task, context.signal)) {
      return received;
    }
    // The parts are of different versions, or the digest is wrong: the next whole file tells.
    source.hasRestarted = true;
    await held.draft.discard();
    return null;
  }
  source.partial = null;
  if (
    answer.kind === "unsatisfiable" && unsatisfiedTotal(response.headers) === held.sizeBytes
  ) {
    await response.body.cancel();
    // Nothing is missing; only a digest proves that it is the right file.
    const sealed = await held.draft.seal();
    if (await agrees(held.draft, sealed, task, context.signal)) {
      return { kind: "received", ...held, sealed, lengthKnown: true };
    }
  }
  await held.draft.discard();
  if (answer.kind === "whole") return await receive(ongoing, response, answer);
  await response.body.cancel();
  return null;
}

/** What the age of a response is judged by. */
export function ageFacts({ published, older }: Source, task: SettledTask): AgeFacts {
  // Whether the published file has another digest is unknown, so the digest decides.
  const known = expectsOtherDigest(task) ? null : published;
  return { published: known, older, expectedSha256: task.expect.sha256 };
}

/** Sends a request and judges the head of its answer. */
async function sendAndClassify(
  { task, source, trace, watch, context }: AttemptState,
  conditions: Readonly<Record<string, string>>,
  asked: RequestKind,
): Promise<{ readonly response: HttpResponse; readonly answer: ResponseUse }> {
  const { clock } = context.host;
  const askedMs = clock.monotonicMs();
  const response = await sendRequest({
    url: source.url,
    headers: task.headers,
    conditions,
    watch,
    transport: context.transport,
    admit: context.admit,
    cookies: context,
    clock,
    onResponse: (answer, url) => {
      trace.responseMs = clock.monotonicMs() - askedMs;
      trace.servedFrom = url;
      trace.httpStatus = answer.status;
      trace.headers = answer.headers;
    },
  });
  try {
    return { response, answer: classifyResponse(response.status, response.headers, asked) };
  } catch (error) {
    await response.body.cancel();
    throw error;
  }
}

/** Receives a whole body into a new draft, unless it is older than the published file. */
async function receive(
  ongoing: AttemptState,
  response: HttpResponse,
  { lengthBytes, lengthKnown }: Extract<ResponseUse, { kind: "whole" }>,
): Promise<AttemptOutcome> {
  const { task, source, trace, context, watch } = ongoing;
  const nowMs = () => context.host.clock.now().epochMilliseconds;
  const age = decideAge(response.headers, ageFacts(source, task), nowMs);
  if (age.kind === "older") {
    await response.body.cancel();
    return age;
  }
  let part: PartialFile;
  watch.pause();
  try {
    if (!lengthKnown && task.expect.knownLength) {
      throw new CronfetchError("http.protocol", "the server does not tell where the body ends");
    }
    const named = source.keyFor(response.headers, trace.servedFrom ?? source.url);
    const key = typeof named === "string" ? named : await named;
    const { statCache } = context;
    const draft = await context.store.draft(key, { statCache, expectedBytes: lengthBytes });
    if (source.checkExisting) await checkExisting(source.checkExisting, key, draft);
    part = {
      draft,
      key,
      head: { bytes: new Uint8Array() },
      sizeBytes: 0,
      totalBytes: lengthBytes,
      validator: (task.conditional ? strongValidator(response.headers, nowMs) : null) ?? "",
    };
  } catch (error) {
    await response.body.cancel();
    throw error;
  }
  watch.progress();
  return { ...await receiveInto(ongoing, part, response, lengthBytes), lengthKnown };
}

/** Discards a draft that must not replace what exists under its key. */
async function checkExisting(
  check: NonNullable<Source["checkExisting"]>,
  key: string,
  draft: Draft,
): Promise<void> {
  try {
    await check(key, draft.existing);
  } catch (error) {
    await draft.discard();
    throw error;
  }
}

/** Appends a body to a part, and seals it. */
async function receiveInto(
  ongoing: AttemptState,
  part: PartialFile,
  response: HttpResponse,
  lengthBytes: number | null,
): Promise<Received> {
  const { task, source, trace, context, watch } = ongoing;
  const { draft, key, head } = part;
  const { clock } = context.host;
  const { progress } = context;
  const { maxSizeBytes } = task.expect;
  const startedMs = clock.monotonicMs();
  progress.receivedBytes = part.sizeBytes;
  progress.totalBytes = lengthBytes === null ? null : part.sizeBytes + lengthBytes;
  source.partial = null;
  try {
    if (maxSizeBytes !== null && (progress.totalBytes ?? 0) > maxSizeBytes) {
      await response.body.cancel();
      throw new CronfetchError(
        "body.too-large",
        `the server announced ${progress.totalBytes} bytes, ${maxSizeBytes} are allowed`,
      );
    }
    const options: TransferOptions = {
      lengthBytes,
      maxBytes: maxSizeBytes === null ? null : maxSizeBytes - part.sizeBytes,
      watch,
      clock,
      head,
      throttle: context.throttle,
      received: (bytes) => {
        trace.bytes += bytes;
        progress.receivedBytes += bytes;
        context.received(bytes);
      },
    };
    const { status, headers } = response;
    const begun = { status, headers, lengthBytes, validator: part.validator };
    if (lengthBytes !== null && ongoing.segments > 1 && mayUseRanges(begun)) {
      // Most runs have no use for it.
      const { transferSegmented } = await import("./segmented_transfer.ts");
      await transferSegmented(response.body, part, { ...options, lengthBytes }, ongoing);
    } else {
      await transfer(response.body, draft, options);
    }
    return { kind: "received", key, draft, sealed: await draft.seal(), head, lengthKnown: true };
  } catch (error) {
    if (leavesPartial(error) && canResume(part.validator, task) && draft.sizeBytes > 0) {
      source.partial = { ...part, sizeBytes: draft.sizeBytes };
    } else {
      await draft.discard();
    }
    throw error;
  } finally {
    trace.bodyMs = clock.monotonicMs() - startedMs;
  }
}
