/** One attempt at one source: from a request to a sealed draft. */

import { keyWithName } from "../config/keys.ts";
import { codingsToRemove, NO_CODINGS } from "../content/coding.ts";
import type { BufferPool } from "../core/allocation.ts";
import { type ExpectedDigests, isNamedByServer, type Task } from "../core/task.ts";
import { CronfetchError } from "../core/errors.ts";
import type { TaskProgress } from "../core/event.ts";
import type { HeaderFields, HttpResponse } from "../core/http.ts";
import type { Validators } from "../core/result.ts";
import type { Throttle } from "../schedule/rate.ts";
import type { OlderRepresentation } from "../state/state.ts";
import type { Draft, Sealed, StatCache, Store } from "../store/store.ts";
import { conditionalHeaders, decideAge, isConditionRefused, NO_CONDITIONS } from "./conditional.ts";
import { ageFacts, hasExpectedDigests } from "./expected_digests.ts";
import type { Family } from "./family.ts";
import { type HttpContext, sendRequest } from "./request.ts";
import { classifyResponse, type RequestKind, type ResponseUse } from "./response.ts";
import {
  canResume,
  isPermanentResponse,
  leavesPartial,
  mayUseRanges,
  type PartialFile,
  rangeHeaders,
  RangesRefused,
  remainingBytes,
  strongValidator,
  unsatisfiedTotal,
} from "./resume.ts";
import type { AttemptWatch } from "./timeouts.ts";
import { type Meter, transfer } from "./transfer.ts";

/** What an attempt needs in addition to requests. */
export interface AttemptContext extends HttpContext {
  readonly store: Store;
  readonly statCache: StatCache;
  /** The files that the task has published. */
  readonly family: Family;
  /** Aborted when the run ends. */
  readonly signal: AbortSignal;
  readonly progress: TaskProgress;
  /** Called with the size of each piece of a body. */
  readonly received: (bytes: number) => void;
  /** The rate limit of the run, or null. */
  readonly throttle: Throttle | null;
  /** The buffers of the run. */
  readonly buffers: BufferPool;
  /** Takes a slot for one more connection to the task's host; null if there is none. */
  readonly borrow: () => Disposable | null;
}

/** What is measured in an attempt, successful or not. */
export interface AttemptStats {
  /** URL of the last response, null without one. */
  servedFrom: string | null;
  /** Status of the last response, null without one. */
  httpStatus: number | null;
  /** Headers of the last response. */
  headers: HeaderFields;
  /** Names of configured headers that the last request did not have. */
  droppedHeaders: readonly string[];
  /** Body bytes received. */
  bytes: number;
  /** The same without content codings; null if there were none. */
  decodedBytes: number | null;
  responseMs: number;
  bodyMs: number;
  publishMs: number;
}

/** The URL of a task or one of its mirrors, with what the attempts at it have left. */
export interface AttemptSource {
  readonly url: string;
  /** Validators of the published file if responses are compared with it; else null. */
  published: Validators | null;
  /** An older file that earlier runs received instead of the published one, or null. */
  readonly older: OlderRepresentation | null;
  /** What the last attempt has left to resume, or null. */
  partial: PartialFile | null;
  /** A resumed file had another digest than expected, and the whole file was requested. */
  hasRestarted: boolean;
}

/** Result of an attempt. */
export type AttemptOutcome =
  | { readonly kind: "unchanged" }
  /** The server sent an older file than the published one, which is kept. */
  | { readonly kind: "older"; readonly older: OlderRepresentation }
  | {
    readonly kind: "received";
    readonly key: string;
    readonly draft: Draft;
    readonly sealed: Sealed;
    /** Whether a truncated body would have been detected. */
    readonly lengthKnown: boolean;
  };

/** What the steps of an attempt share. */
interface AttemptState {
  readonly task: Task;
  readonly digests: ExpectedDigests;
  readonly source: AttemptSource;
  readonly stats: AttemptStats;
  readonly context: AttemptContext;
  readonly watch: AttemptWatch;
  /** Maximum number of connections for a large file. */
  readonly segments: number;
}

/** A received file, sealed in a draft. */
export type Received = Extract<AttemptOutcome, { kind: "received" }>;

/**
 * Makes one attempt. A partial file that can be resumed is left in `source.partial`.
 *
 * @throws {CronfetchError} All codes except those of content checks and publishing.
 */
export async function performAttempt(
  task: Task,
  digests: ExpectedDigests,
  source: AttemptSource,
  stats: AttemptStats,
  context: AttemptContext,
): Promise<AttemptOutcome> {
  using watch = context.watcher.watch(task.timeouts, context.progress);
  const state = { task, digests, source, stats, context, watch, segments: task.segments };
  for (;;) {
    try {
      const { partial } = source;
      const resumed = partial && await resumePartial(state, partial);
      if (resumed) return resumed;
      const { response, use } = await requestWhole(state);
      if (use.kind === "whole") return await receiveWhole(state, response, use);
      // Never rejects, and a 304 has no body to wait for.
      void response.body.cancel();
      if (use.kind === "unchanged") return use;
      throw new TypeError(`unexpected response to a request for the whole file: ${use.kind}`);
    } catch (error) {
      if (!(error instanceof RangesRefused) || state.segments === 1) throw error;
      state.segments = 1;
    }
  }
}

/** A response and how it can be used. */
interface ClassifiedResponse {
  readonly response: HttpResponse;
  readonly use: ResponseUse;
}

/** Requests the whole file, under conditions if it is published. */
function requestWhole(state: AttemptState): Promise<ClassifiedResponse> {
  const { source: { published }, context: { host: { clock } } } = state;
  const conditions = published === null ? NO_CONDITIONS : conditionalHeaders(published);
  const conditional = conditions !== NO_CONDITIONS;
  return request(state, conditions, { conditional, rangeStart: null, clock });
}

/** Requests the rest of a partial file. Returns null, with no partial file left, to start over. */
async function resumePartial(
  state: AttemptState,
  partial: PartialFile,
): Promise<AttemptOutcome | null> {
  const { task, digests, source, context } = state;
  const part = task.conditional ? partial : { ...partial, validator: "" };
  const classified = await request(state, rangeHeaders(part), {
    conditional: false,
    rangeStart: part.sizeBytes,
    clock: context.host.clock,
  }).catch((error) => {
    if (isPermanentResponse(error)) return null;
    throw error;
  });
  if (classified === null) {
    // Each request for the rest would get this response; one for the whole file may succeed.
    source.partial = null;
    await partial.draft.discard();
    return null;
  }
  const { response, use } = classified;
  const restBytes = use.kind === "part" ? remainingBytes(part, response.headers) : null;
  if (restBytes !== null) {
    const received = await receiveInto(state, part, response, restBytes);
    const isProven = part.validator !== "" || source.hasRestarted;
    const { draft, sealed } = received;
    if (isProven || await hasExpectedDigests(draft, sealed, digests, context.signal)) {
      return received;
    }
    // The parts are of different versions, or the expected digest is wrong: the whole file decides.
    source.hasRestarted = true;
    await partial.draft.discard();
    return null;
  }
  source.partial = null;
  const isComplete = use.kind === "unsatisfiable" &&
    unsatisfiedTotal(response.headers) === partial.sizeBytes;
  if (isComplete) {
    await response.body.cancel();
    // No byte is missing; only a digest proves that it is the right version.
    const sealed = await partial.draft.seal();
    if (await hasExpectedDigests(partial.draft, sealed, digests, context.signal)) {
      return { kind: "received", ...partial, sealed, lengthKnown: true };
    }
  }
  await partial.draft.discard();
  if (use.kind === "whole") return await receiveWhole(state, response, use);
  await response.body.cancel();
  return null;
}

/**
 * Sends a request and classifies its response. If the server refuses its conditions, it is sent
 * once more without them.
 */
async function request(
  state: AttemptState,
  conditions: Readonly<Record<string, string>>,
  kind: RequestKind,
): Promise<ClassifiedResponse> {
  const { task, source, stats, watch, context } = state;
  const { clock } = context.host;
  const sentMs = clock.monotonicMs();
  const response = await sendRequest({
    url: source.url,
    headers: task.headers,
    publicHeaders: task.publicHeaders,
    request: task.request,
    conditions,
    watch,
    onResponse: ({ status, headers }, url, dropped) => {
      stats.responseMs = clock.monotonicMs() - sentMs;
      stats.servedFrom = url;
      stats.httpStatus = status;
      stats.headers = headers;
      stats.droppedHeaders = dropped;
    },
  }, context);
  try {
    return { response, use: classifyResponse(response.status, response.headers, kind) };
  } catch (error) {
    const isRefused = error instanceof CronfetchError && isConditionRefused(error);
    if (kind.conditional && isRefused) {
      await response.body.cancel();
      return await request(state, NO_CONDITIONS, { ...kind, conditional: false });
    }
    // Loaded on demand: most runs have no error.
    const { explainStatus } = await import("./status_reason.ts");
    throw await explainStatus(error, response, { requested: source.url, ...stats }, context.host);
  }
}

/** Receives a whole file into a new draft, unless it is older than the published one. */
async function receiveWhole(
  state: AttemptState,
  response: HttpResponse,
  { lengthBytes, lengthKnown }: Extract<ResponseUse, { kind: "whole" }>,
): Promise<AttemptOutcome> {
  const { task, digests, source, context, watch } = state;
  const nowMs = () => context.host.clock.now().epochMilliseconds;
  const age = decideAge(response.headers, ageFacts(source, digests), nowMs);
  if (age.kind === "older") {
    await response.body.cancel();
    return age;
  }
  let partial: PartialFile;
  let codings = NO_CODINGS;
  watch.pause();
  try {
    if (!lengthKnown && task.expect.knownLength) {
      throw new CronfetchError("http.protocol", "the response does not announce its length");
    }
    const key = task.namedByServer ? await keyNamedByServer(state, response) : task.key;
    if (task.decode === "auto") codings = codingsToRemove(response.headers, key);
    const expectedBytes = codings === NO_CODINGS ? lengthBytes : null;
    const draft = await context.store.draft(key, { statCache: context.statCache, expectedBytes });
    if (isNamedByServer(task)) {
      await context.family.checkExisting(key, draft.existing).catch(async (error: unknown) => {
        await draft.discard();
        throw error;
      });
    }
    partial = {
      draft,
      key,
      sizeBytes: 0,
      totalBytes: lengthBytes,
      validator: (task.conditional ? strongValidator(response.headers, nowMs) : null) ?? "",
    };
  } catch (error) {
    await response.body.cancel();
    throw error;
  }
  watch.progress();
  return { ...await receiveInto(state, partial, response, lengthBytes, codings), lengthKnown };
}

async function keyNamedByServer(
  { task, source, stats, context }: AttemptState,
  { headers }: HttpResponse,
): Promise<string> {
  // Loaded on demand: the names of most files are in the config.
  const { serverName } = await import("./filename.ts");
  const name = serverName(headers.get("content-disposition"), stats.servedFrom ?? source.url);
  return await context.family.keyFor(keyWithName(task.key, name, task.url));
}

/** Appends a body to a partial file, and seals it. */
async function receiveInto(
  state: AttemptState,
  partial: PartialFile,
  response: HttpResponse,
  lengthBytes: number | null,
  codings = NO_CODINGS,
): Promise<Received> {
  const { task, source, stats, context, watch, segments } = state;
  const { draft, key, sizeBytes, validator } = partial;
  const { host: { clock }, progress, buffers } = context;
  const { maxSizeBytes } = task.expect;
  const startedMs = clock.monotonicMs();
  progress.phase = "receiving";
  progress.receivedBytes = sizeBytes;
  progress.totalBytes = lengthBytes === null ? null : sizeBytes + lengthBytes;
  source.partial = null;
  const isEncoded = codings !== NO_CODINGS;
  try {
    if (!isEncoded && maxSizeBytes !== null && (progress.totalBytes ?? 0) > maxSizeBytes) {
      await response.body.cancel();
      throw new CronfetchError(
        "body.too-large",
        `the server announced ${progress.totalBytes} bytes, ${maxSizeBytes} are allowed`,
      );
    }
    const meter: Meter = {
      watch,
      throttle: context.throttle,
      received: (bytes) => {
        stats.bytes += bytes;
        progress.receivedBytes += bytes;
        context.received(bytes);
      },
    };
    const maxBytes = maxSizeBytes === null ? null : maxSizeBytes - sizeBytes;
    const options = { lengthBytes, maxBytes, signal: watch.signal, clock, meter, buffers };
    const { status, headers } = response;
    const start = { status, headers, lengthBytes, validator };
    if (isEncoded) {
      // Loaded on demand: servers rarely apply a coding that is not requested.
      const { transferEncoded } = await import("./encoded_body.ts");
      stats.decodedBytes = await transferEncoded(response.body, codings, draft, options);
    } else if (lengthBytes !== null && segments > 1 && mayUseRanges(start)) {
      // Loaded on demand: most files are small.
      const { SegmentedBody } = await import("./segments.ts");
      const { url } = source;
      const totalBytes = sizeBytes + lengthBytes;
      await using body = new SegmentedBody({
        http: context,
        file: { url, task, totalBytes, validator },
        front: response.body,
        startByte: sizeBytes,
        segments,
        timeouts: task.timeouts,
        meter,
        borrow: context.borrow,
        onDiscard: (bytes) => {
          progress.receivedBytes -= bytes;
        },
        onBusy: (httpStatus, headers) => {
          stats.httpStatus = httpStatus;
          stats.headers = headers;
        },
      });
      await transfer(body, draft, { ...options, meter: null });
    } else {
      await transfer(response.body, draft, options);
    }
    return { kind: "received", key, draft, sealed: await draft.seal(), lengthKnown: true };
  } catch (error) {
    if (!isEncoded && leavesPartial(error) && canResume(validator, task) && draft.sizeBytes > 0) {
      source.partial = { ...partial, sizeBytes: draft.sizeBytes };
    } else {
      await draft.discard();
    }
    throw error;
  } finally {
    stats.bodyMs = clock.monotonicMs() - startedMs;
  }
}
