/** Sends requests of the S3 client, with retries and timeouts. */

import { CronfetchError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import type {
  HeaderFields,
  HttpBody,
  HttpMethod,
  HttpResponse,
  Transport,
} from "../../core/http.ts";
import { backoffMs } from "../../core/time.ts";
import { DriverError } from "../errors.ts";

/** A request. */
export interface S3Request {
  readonly method: HttpMethod;
  readonly url: string;
  /**
   * Returns the headers of one attempt, counted from 1: a signature is valid for minutes. If it
   * throws, the request is not sent.
   */
  readonly headers: (attempt: number) => Promise<Readonly<Record<string, string>>>;
  readonly body: Uint8Array<ArrayBuffer> | null;
  /** Whether the body of a successful response is streamed. Any other is small, and read whole. */
  readonly streams: boolean;
}

/** A response. */
export interface S3Response {
  readonly status: number;
  readonly headers: HeaderFields;
  /** The body; `""` if it is streamed. */
  readonly text: string;
  /** The body in pieces, each valid until the next one is requested; null if it is not streamed. */
  readonly pieces: AsyncGenerator<Uint8Array<ArrayBuffer>> | null;
}

/** What sending uses. */
export interface S3TransportContext extends Pick<Host, "timers" | "random"> {
  readonly transport: Transport;
}

/** Limits of one request. */
export interface SendLimits {
  /** Timeout of the response head, after the request body was sent. */
  readonly timeoutMs: number;
  /** Maximum number of attempts. */
  readonly attempts: number;
}

/** Attempts of one request. */
const MAX_ATTEMPTS = 5;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 8_000;

/** Default timeout of a response head, and of each piece of a response body. */
const RESPONSE_TIMEOUT_MS = 30_000;
/** The limits of a request that makes the server copy nothing. */
const DEFAULT_LIMITS: SendLimits = { timeoutMs: RESPONSE_TIMEOUT_MS, attempts: MAX_ATTEMPTS };
/** Extends the timeout for a request body: at 64 KiB/s, an upload is slow but not stalled. */
const MIN_UPLOAD_BYTES_PER_MS = 64;
/** Slowest copy within a server: 16 MiB/s. */
const MIN_COPY_BYTES_PER_MS = 16 * 2 ** 20 / 1000;
/** A list of a thousand names of 1,024 bytes, each of which may be escaped, has less. */
const MAX_TEXT_BYTES = 16 * 2 ** 20;
/** Buffer for small responses. */
const TEXT_BUFFER_BYTES = 16 * 1024;
/** Buffer for objects. */
const PIECE_BYTES = 512 * 1024;

/** Limits of a request that makes the server copy that many bytes before it responds. */
export function limitsFor(serverBytes: number): SendLimits {
  if (serverBytes === 0) return DEFAULT_LIMITS;
  return {
    ...DEFAULT_LIMITS,
    timeoutMs: RESPONSE_TIMEOUT_MS + serverBytes / MIN_COPY_BYTES_PER_MS,
  };
}

/** The server has not responded in time. */
export class S3Timeout extends Error {
  override readonly name = "S3Timeout";
}

/**
 * Sends a request, and again if the network fails or the server is busy, after a random delay below
 * a bound that doubles. Every request can be repeated: each attempt is signed again, and a
 * publication is conditional. Redirects are returned, not followed, since the request has
 * credentials.
 *
 * @throws The reason of `signal`, {@linkcode S3Timeout}, or an error of `headers` or the transport.
 */
export async function send(
  request: S3Request,
  signal: AbortSignal,
  context: S3TransportContext,
  { timeoutMs, attempts }: SendLimits = DEFAULT_LIMITS,
): Promise<S3Response> {
  for (let attempt = 1;; attempt++) {
    const headers = await request.headers(attempt);
    try {
      const response = await sendOnce({ ...request, headers }, signal, context, timeoutMs);
      if (attempt === attempts || !isTemporary(response)) return response;
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === attempts || isPermanent(error)) throw error;
    }
    const boundMs = backoffMs(attempt, FIRST_DELAY_MS, MAX_DELAY_MS);
    await context.timers.sleep(Math.round(context.random.fraction() * boundMs), signal);
  }
}

/** Whether no attempt can succeed: Deno lacks a permission, or the transport refuses the request. */
export function isPermanent(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable || error instanceof DriverError ||
    (error instanceof CronfetchError && error.retry === "never");
}

/**
 * Whether the server may answer otherwise if it receives the request again. A completion and a copy
 * report that by an `<Error>` with status 200, an idle connection by status 400.
 */
function isTemporary({ status, text }: S3Response): boolean {
  if (status === 429 || status === 500 || status === 502 || status === 503 || status === 504) {
    return true;
  }
  return (status === 200 || status === 400) &&
    /<Code>(?:InternalError|SlowDown|ServiceUnavailable|RequestTimeout)<\/Code>/.test(text);
}

async function sendOnce(
  { method, url, headers, body, streams }: Omit<S3Request, "headers"> & {
    readonly headers: Readonly<Record<string, string>>;
  },
  signal: AbortSignal,
  { transport, timers }: S3TransportContext,
  timeoutMs: number,
): Promise<S3Response> {
  const watch = new Watch(signal, timers);
  try {
    const allowedMs = timeoutMs + (body?.length ?? 0) / MIN_UPLOAD_BYTES_PER_MS;
    watch.limit(allowedMs, `no response within ${Math.round(allowedMs / 1000)} seconds`);
    const response = await transport({
      method,
      url,
      headers: { ...headers, "accept-encoding": "identity" },
      body,
      publicOnly: false,
      phases: null,
      signal: watch.signal,
    });
    const { status } = response;
    if (streams && (status === 200 || status === 206)) {
      return { status, headers: response.headers, text: "", pieces: piecesOf(response, watch) };
    }
    const text = await readText(response, watch);
    watch.end();
    return { status, headers: response.headers, text, pieces: null };
  } catch (error) {
    watch.end();
    throw watch.reason(error);
  }
}

/** The signal of one exchange, aborted by the caller or by a timeout. */
class Watch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timers: S3TransportContext["timers"];
  readonly #onAbort = () => this.#controller.abort(this.#outer.reason);
  #cancel = () => {};

  constructor(outer: AbortSignal, timers: S3TransportContext["timers"]) {
    outer.throwIfAborted();
    this.#outer = outer;
    this.#timers = timers;
    outer.addEventListener("abort", this.#onAbort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Replaces the time limit. */
  limit(durationMs: number, message: string): void {
    this.#cancel();
    this.#cancel = this.#timers.after(durationMs, () => {
      this.#controller.abort(new S3Timeout(message));
    });
  }

  /** Suspends the time limit. */
  pause(): void {
    this.#cancel();
    this.#cancel = () => {};
  }

  /** Why the exchange was aborted, or the error itself. */
  reason(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error;
  }

  /** Ends the time limit, and the link to the caller's signal. */
  end(): void {
    this.pause();
    this.#outer.removeEventListener("abort", this.#onAbort);
  }
}

async function readText({ headers, body }: HttpResponse, watch: Watch): Promise<string> {
  // Most responses are empty.
  const length = headers.get("content-length");
  const bufferBytes = length === null ? TEXT_BUFFER_BYTES : bufferFor(Number(length));
  const decoder = new TextDecoder();
  let text = "";
  let readBytes = 0;
  for await (const piece of readPieces(body, bufferBytes, watch)) {
    readBytes += piece.length;
    if (readBytes > MAX_TEXT_BYTES) throw new Error("the response is too large");
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

function bufferFor(lengthBytes: number): number {
  return Math.max(1, Math.min(lengthBytes, TEXT_BUFFER_BYTES)) || TEXT_BUFFER_BYTES;
}

/** Streams an object. */
async function* piecesOf(
  { body }: HttpResponse,
  watch: Watch,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    yield* readPieces(body, PIECE_BYTES, watch);
  } catch (error) {
    throw watch.reason(error);
  } finally {
    watch.end();
  }
}

/** Reads a body that must not stall, and cancels it unless it was read to its end. */
async function* readPieces(
  body: HttpBody,
  bufferBytes: number,
  watch: Watch,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let buffer = new ArrayBuffer(bufferBytes);
  let isOver = false;
  try {
    for (;;) {
      watch.limit(RESPONSE_TIMEOUT_MS, "the response stalled");
      const piece = await body.read(new Uint8Array(buffer));
      watch.signal.throwIfAborted();
      isOver = piece.length === 0;
      if (isOver) return;
      // The server does not stall while the caller processes the piece, such as by an upload.
      watch.pause();
      yield piece;
      buffer = piece.buffer;
    }
  } finally {
    if (!isOver) await body.cancel();
  }
}
