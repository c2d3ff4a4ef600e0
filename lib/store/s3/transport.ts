/** How requests of the S3 client reach their server: by the host's fetch, with patience. */

import type { Host } from "../../core/host.ts";

/** A request as the client hands it over, signed. */
export interface S3Request {
  readonly method: string;
  /** With a colon at its end. */
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  /** Encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** An answer as the client wants it. */
export interface S3Response {
  statusCode: number;
  headers: Record<string, string>;
  body: ReadableStream<Uint8Array> | undefined;
}

/** What a transport needs of the world. */
export type TransportHost = Pick<Host, "fetch" | "timers" | "random">;

/** Attempts at one request. */
const ATTEMPTS = 5;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8_000;

/** What a request may take until its answer begins, if no more is said; and each piece of a body. */
export const RESPONSE_TIMEOUT_MS = 30_000;
/** Besides, what its body may take: at 64 KiB a second it is slow, and not stuck. */
const SLOWEST_BYTES_PER_MS = 64;

/** A server that has not answered in time. */
export class S3Timeout extends Error {
  override readonly name = "S3Timeout";
}

/**
 * Sends a request, over again if the network fails or the server is busy: after
 * a delay drawn evenly from zero to a bound that doubles. All that is sent may be
 * sent twice: a signature holds for minutes, and a publication is on condition.
 * A redirect is an answer; nobody is followed with credentials.
 *
 * @param timeoutMs What the server may take to answer, once it has all of the body.
 * @throws The signal's reason, {@linkcode S3Timeout}, or what fetch throws.
 */
export async function send(
  request: S3Request,
  signal: AbortSignal,
  host: TransportHost,
  timeoutMs = RESPONSE_TIMEOUT_MS,
): Promise<S3Response> {
  for (let attempt = 1;; attempt++) {
    try {
      const response = await sendOnce(request, signal, host, timeoutMs);
      if (attempt === ATTEMPTS || !isTemporary(response.statusCode)) return response;
      await response.body?.cancel();
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === ATTEMPTS || error instanceof Deno.errors.NotCapable) throw error;
    }
    const boundMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
    await host.timers.sleep(Math.round(host.random.fraction() * boundMs), signal);
  }
}

/** Statuses by which a server says: not now. */
function isTemporary(status: number): boolean {
  return status === 429 || status === 500 || status === 502 || status === 503 || status === 504;
}

async function sendOnce(
  request: S3Request,
  signal: AbortSignal,
  host: TransportHost,
  timeoutMs: number,
): Promise<S3Response> {
  const { method, headers, body } = request;
  const bytes = body instanceof Uint8Array ? body as Uint8Array<ArrayBuffer> : null;
  const text = typeof body === "string" ? body : null;
  const allowedMs = timeoutMs + (bytes?.length ?? 0) / SLOWEST_BYTES_PER_MS;
  const late = new AbortController();
  const cancel = host.timers.after(allowedMs, () => {
    late.abort(new S3Timeout(`no answer within ${Math.round(allowedMs / 1000)} seconds`));
  });
  try {
    const response = await host.fetch(urlOf(request), {
      method,
      headers: { ...sendable(headers), "accept-encoding": "identity" },
      redirect: "manual",
      signal: AbortSignal.any([signal, late.signal]),
      ...(bytes || text ? { body: bytes ?? text } : {}),
    });
    return {
      statusCode: response.status,
      headers: Object.fromEntries(response.headers),
      body: response.body
        ? await bodyOf(request, watched(response.body, signal, late, host))
        : undefined,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw late.signal.aborted ? late.signal.reason : error;
  } finally {
    cancel();
  }
}

/** What fetch sets itself is left to it: it comes to the same, and was signed. */
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

/** As signatures want it: everything but unreserved characters (RFC 3986, section 2.3). */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** An object comes as it comes; every other answer is small, and counts when it is whole. */
async function bodyOf(
  { query }: S3Request,
  body: ReadableStream<Uint8Array>,
): Promise<ReadableStream<Uint8Array>> {
  if (query["x-id"] === "GetObject") return body;
  return new Blob([await new Response(body).arrayBuffer()]).stream();
}

/** A body that fails once the signal is aborted, or no more of it has come for too long. */
function watched(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  late: AbortController,
  { timers }: TransportHost,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const signals = [signal, late.signal];
  const end = () => void reader.cancel().catch(() => {});
  const forget = () => signals.forEach((one) => one.removeEventListener("abort", end));
  // Deno ties a signal to the body by way of a Request, which may be collected meanwhile.
  for (const one of signals) one.addEventListener("abort", end);
  return new ReadableStream({
    async pull(controller) {
      const cancel = timers.after(RESPONSE_TIMEOUT_MS, () => {
        late.abort(new S3Timeout("the answer stopped coming"));
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
