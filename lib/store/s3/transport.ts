/** Sends requests of the S3 client by the host's `fetch`, with retries and timeouts. */

import type { Host } from "../../core/host.ts";
import { backoffMs } from "../../core/time.ts";

/** A signed request, as the client passes it. */
export interface S3Request {
  readonly method: string;
  /** `http:` or `https:`. */
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  /** Encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A response, as the client expects it. */
export interface S3Response {
  statusCode: number;
  headers: Record<string, string>;
  body: ReadableStream<Uint8Array> | undefined;
}

/** The part of the host that is used. */
export type S3TransportHost = Pick<Host, "fetch" | "timers" | "random">;

/** Attempts of one request. */
const MAX_ATTEMPTS = 5;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 8_000;

/** Default timeout of a response head, and of each piece of a response body. */
export const RESPONSE_TIMEOUT_MS = 30_000;
/** Extends the timeout for a request body: at 64 KiB/s, an upload is slow but not stalled. */
const MIN_UPLOAD_BYTES_PER_MS = 64;

/** The server has not responded in time. */
export class S3Timeout extends Error {
  override readonly name = "S3Timeout";
}

/**
 * Sends a request, and again if the network fails or the server is busy, after a random delay below
 * a bound that doubles. Every request can be repeated: a signature is valid for minutes, and a
 * publication is conditional. Redirects are returned, not followed, since the request has
 * credentials.
 *
 * @param timeoutMs Timeout of the response head, after the request body was sent.
 * @throws The reason of `signal`, {@linkcode S3Timeout}, or an error of `fetch`.
 */
export async function send(
  request: S3Request,
  signal: AbortSignal,
  host: S3TransportHost,
  timeoutMs = RESPONSE_TIMEOUT_MS,
): Promise<S3Response> {
  for (let attempt = 1;; attempt++) {
    try {
      const response = await sendOnce(request, signal, host, timeoutMs);
      if (attempt === MAX_ATTEMPTS || !isTemporary(response.statusCode)) return response;
      await response.body?.cancel();
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === MAX_ATTEMPTS || error instanceof Deno.errors.NotCapable) throw error;
    }
    const boundMs = backoffMs(attempt, FIRST_DELAY_MS, MAX_DELAY_MS);
    await host.timers.sleep(Math.round(host.random.fraction() * boundMs), signal);
  }
}

/** Whether the server may answer otherwise if it receives the request again. */
function isTemporary(status: number): boolean {
  return status === 429 || status === 500 || status === 502 || status === 503 || status === 504;
}

async function sendOnce(
  request: S3Request,
  signal: AbortSignal,
  host: S3TransportHost,
  timeoutMs: number,
): Promise<S3Response> {
  const { method, headers, body } = request;
  const bytes = body instanceof Uint8Array ? body as Uint8Array<ArrayBuffer> : null;
  const text = typeof body === "string" ? body : null;
  const allowedMs = timeoutMs + (bytes?.length ?? 0) / MIN_UPLOAD_BYTES_PER_MS;
  const timeout = new AbortController();
  const cancel = host.timers.after(allowedMs, () => {
    timeout.abort(new S3Timeout(`no response within ${Math.round(allowedMs / 1000)} seconds`));
  });
  try {
    const response = await host.fetch(urlOf(request), {
      method,
      headers: { ...sendable(headers), "accept-encoding": "identity" },
      redirect: "manual",
      signal: AbortSignal.any([signal, timeout.signal]),
      ...(bytes || text ? { body: bytes ?? text } : {}),
    });
    return {
      statusCode: response.status,
      headers: Object.fromEntries(response.headers),
      body: response.body
        ? await responseBody(request, timeLimited(response.body, signal, timeout, host))
        : undefined,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw timeout.signal.aborted ? timeout.signal.reason : error;
  } finally {
    cancel();
  }
}

/** Removes the headers that `fetch` sets itself, to the signed values. */
function sendable(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { host: _host, "content-length": _length, ...rest } = headers;
  return rest;
}

function urlOf({ protocol, hostname, port, path, query }: S3Request): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : [value];
    return values.map((one) => one === null ? encode(name) : `${encode(name)}=${encode(one)}`);
  });
  const authority = port === undefined ? hostname : `${hostname}:${port}`;
  return `${protocol}//${authority}${path}${pairs.length === 0 ? "" : `?${pairs.join("&")}`}`;
}

/** Encodes all but unreserved characters (RFC 3986, section 2.3), as signatures require. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Streams an object; any other response is small, and is read whole so that it can be retried. */
async function responseBody(
  { query }: S3Request,
  body: ReadableStream<Uint8Array>,
): Promise<ReadableStream<Uint8Array>> {
  if (query["x-id"] === "GetObject") return body;
  return new Blob([await new Response(body).arrayBuffer()]).stream();
}

/** A body that fails when the signal is aborted or the body stalls. */
function timeLimited(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  late: AbortController,
  { timers }: S3TransportHost,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const signals = [signal, late.signal];
  const end = () => void reader.cancel().catch(() => {});
  const forget = () => signals.forEach((one) => one.removeEventListener("abort", end));
  // Deno's own link from the signal to the body goes through the Request, which may be collected.
  for (const one of signals) one.addEventListener("abort", end);
  return new ReadableStream({
    async pull(controller) {
      const cancel = timers.after(RESPONSE_TIMEOUT_MS, () => {
        late.abort(new S3Timeout("the response stalled"));
      });
      try {
        const { value, done } = await reader.read();
        for (const one of signals) one.throwIfAborted();
        if (!done) return controller.enqueue(value);
        forget();
        controller.close();
      } catch (error) {
        forget();
        throw late.signal.aborted ? late.signal.reason : error;
      } finally {
        cancel();
      }
    },
    cancel: (reason) => {
      forget();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
