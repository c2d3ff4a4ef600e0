/** Signed requests to one bucket, and corrections of clock, region and credentials. */

import type { BucketLocation } from "../../core/location.ts";
import type { Clock } from "../../core/host.ts";
import type { HeaderFields, HttpMethod } from "../../core/http.ts";
import { parseHttpDate } from "../../core/time.ts";
import { DriverError } from "../errors.ts";
import { readErrorAnswer } from "./answers.ts";
import type { CredentialSource } from "./credentials/credentials.ts";
import type { S3Action, S3Failure } from "./errors.ts";
import type { LearnedFeatures } from "./features.ts";
import { serverIn } from "./settings.ts";
import {
  createSigner,
  EMPTY_SHA256,
  encodePath,
  encodeQuery,
  type S3Credentials,
  type Sign,
} from "./sign.ts";
import {
  limitsFor,
  type S3Response,
  S3Timeout,
  type S3TransportContext,
  send,
} from "./transport.ts";

/** A request to a bucket. */
export interface S3Call {
  readonly method: HttpMethod;
  /** The permission that it needs. */
  readonly action: S3Action;
  /** Name of an object, or null for the bucket itself. */
  readonly key: string | null;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: { readonly bytes: Uint8Array<ArrayBuffer>; readonly sha256: string };
  /** Whether the body of a successful response is streamed. Default: false. */
  readonly streams?: boolean;
  /** Bytes that the server copies before it responds. Default: 0. */
  readonly serverBytes?: number;
  /**
   * Called before the request is sent again because its response was lost or is temporary: the
   * server may have performed it. What it throws is thrown instead of sending. Default: nothing.
   */
  readonly beforeRepeat?: () => Promise<void>;
}

/** A response with an error, or none at all. */
export class S3Failed extends Error {
  override readonly name = "S3Failed";
  readonly failure: S3Failure;

  constructor(failure: S3Failure, cause?: unknown) {
    super(failure.message, { cause });
    this.failure = failure;
  }
}

/** What requests to a bucket use. */
export interface ExchangeContext extends S3TransportContext {
  readonly location: BucketLocation;
  /** URL of the server; null for AWS, whose host name contains the region. */
  readonly endpoint: string | null;
  /** The region that is tried first. */
  readonly region: string;
  readonly credentials: CredentialSource;
  readonly features: LearnedFeatures;
  readonly clock: Clock;
  readonly userAgent: string;
}

/** A smaller difference of clocks is no reason to reject a signature: S3 accepts 15 minutes. */
const TOLERATED_SKEW_MS = 5 * 60 * 1000;

/** What a failed request can be repeated with, once each. */
type Correction = "clock" | "region" | "credentials";

/** What a request is signed with. */
interface Used {
  readonly region: string;
  /** The server's clock minus ours. */
  readonly skewMs: number;
  /** Null before it is signed. */
  credentials: S3Credentials | null;
}

/** Sends signed requests to one bucket. */
export class Exchange {
  readonly #context: ExchangeContext;
  readonly #sign: Sign = createSigner();
  #region: string;
  /** Server's clock minus ours. */
  #skewMs = 0;

  constructor(context: ExchangeContext) {
    this.#context = context;
    this.#region = context.region;
  }

  /**
   * Sends a request. If the server reports another time or region, or expired credentials, it is
   * sent once more with those. A redirect is never followed: the URL is made of the configured
   * server and, for AWS, the name of the region.
   *
   * @returns A response with status 2xx that is no `<Error>`.
   * @throws {S3Failed} Any other response, or none.
   * @throws {DriverError} There are no credentials.
   * @throws What `beforeRepeat` of the call throws.
   */
  async perform(call: S3Call, signal: AbortSignal): Promise<S3Response> {
    const corrected = new Set<Correction>();
    for (;;) {
      const used: Used = { region: this.#region, skewMs: this.#skewMs, credentials: null };
      const response = await this.#send(call, used, signal);
      const failure = this.#failureOf(call, response);
      if (failure === null) return response;
      const correction = this.#correct(failure, response.headers, used);
      if (correction === null || corrected.has(correction)) throw new S3Failed(failure);
      corrected.add(correction);
    }
  }

  async #send(
    { beforeRepeat, ...call }: S3Call,
    used: Used,
    signal: AbortSignal,
  ): Promise<S3Response> {
    const { method, action, key, query = {}, headers = {}, body } = call;
    const { streams = false, serverBytes = 0 } = call;
    const { clock, credentials, location, endpoint, userAgent } = this.#context;
    const server = serverIn(used.region, location, endpoint);
    const url = server + (key === null ? "" : encodePath(key)) + encodeQuery(query);
    let isSending = false;
    const signed = async (attempt: number) => {
      isSending = false;
      if (attempt > 1) await beforeRepeat?.();
      const keys = used.credentials = await credentials.get(signal);
      const atMs = clock.now().epochMilliseconds + used.skewMs;
      const bodySha256 = body?.sha256 ?? EMPTY_SHA256;
      const scope = { credentials: keys, region: used.region, atMs };
      const request = await this.#sign({ method, url, headers, bodySha256 }, scope);
      isSending = true;
      return { ...request, "user-agent": userAgent };
    };
    const request = { method, url, headers: signed, body: body?.bytes ?? null, streams };
    try {
      return await send(request, signal, this.#context, limitsFor(serverBytes));
    } catch (error) {
      signal.throwIfAborted();
      // Before it was sent there were no keys, or `beforeRepeat` found a reason not to.
      const isUnsent = !isSending || error instanceof DriverError;
      if (isUnsent || error instanceof Deno.errors.NotCapable) throw error;
      const { bucket } = location;
      const failure = { name: "", status: null, region: null, action, bucket };
      throw new S3Failed({ ...failure, message: reasonOf(error) }, error);
    }
  }

  #failureOf({ action }: S3Call, { status, headers, text }: S3Response): S3Failure | null {
    const isGood = status >= 200 && status < 300;
    if (isGood && !/<Error[\s>]/.test(text)) return null;
    const answer = readErrorAnswer(text);
    if (isGood && answer === null) return null;
    const { bucket } = this.#context.location;
    return {
      name: answer?.code || nameOf(status),
      message: answer?.message ?? "",
      status: isGood ? 503 : status,
      region: headers.get("x-amz-bucket-region") ?? answer?.region ?? null,
      action,
      bucket,
    };
  }

  /**
   * Corrects what a failed request was signed with; null if there is nothing to correct. Concurrent
   * requests fail together, so the response is compared with what its own request has used.
   */
  #correct(
    { name, status, region }: S3Failure,
    headers: HeaderFields,
    used: Used,
  ): Correction | null {
    const { clock, credentials, features } = this.#context;
    if (name === "RequestTimeTooSkewed" || status === 403) {
      const nowMs = clock.now().epochMilliseconds;
      const servedMs = parseHttpDate(headers.get("date") ?? "", nowMs);
      if (servedMs !== null && Math.abs(servedMs - nowMs - used.skewMs) > TOLERATED_SKEW_MS) {
        this.#skewMs = servedMs - nowMs;
        return "clock";
      }
    }
    const mayBeRegion = status === 400 || status === 403 || (status !== null && status < 400);
    if (mayBeRegion && region !== null && region !== used.region && isRegion(region)) {
      this.#region = region;
      features.learn({ otherRegion: region });
      return "region";
    }
    // A response to HEAD has no body, and so no code.
    const mayBeExpired = EXPIRED.has(name) || name === nameOf(400);
    const isDiscarded = mayBeExpired && used.credentials !== null &&
      credentials.discard(used.credentials);
    return isDiscarded ? "credentials" : null;
  }
}

/** `Code`s of a response to expired or withdrawn temporary credentials. */
const EXPIRED: ReadonlySet<string> = new Set([
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidToken",
  "TokenRefreshRequired",
]);

function isRegion(text: string): boolean {
  return /^[a-z0-9-]{1,64}$/.test(text);
}

/** The name of a failure whose response has no `<Error>`, as of every response to HEAD. */
function nameOf(status: number): string {
  return status === 404 ? "NotFound" : status === 403 ? "Forbidden" : `${status}`;
}

/** The message of the innermost error: that of `fetch` repeats the URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return error instanceof S3Timeout || !(cause instanceof Error) ? error.message : cause.message;
}
