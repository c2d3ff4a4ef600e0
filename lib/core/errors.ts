/** The one error family of cronfetch, and the closed list of its codes. */

/**
 * What may be done about an error within the same run:
 * `never` (asking again gives the same answer), `now` (at once, at no cost to
 * anybody), `later` (after a delay, or in the next run).
 */
export type Retry = "never" | "now" | "later";

/**
 * Every code a {@linkcode CronfetchError} or a failed `TaskResult` can carry.
 * Codes are stable: scripts and alerts may depend on them. The meanings stand
 * in {@linkcode ERROR_CODES}.
 */
export type ErrorCode = keyof typeof ERROR_CODES;

/** A code's usual {@linkcode Retry} and what it means, for people and for the docs' table. */
export interface ErrorCodeMeaning {
  /** What to do within a run, unless the error itself knows better (`http.status` does). */
  readonly retry: Retry;
  /** One clause for people. */
  readonly meaning: string;
}

/** The closed list: each code, what it means and whether trying again can help. */
export const ERROR_CODES = {
  "usage": { retry: "never", meaning: "the command line is wrong" },
  "config.not-found": { retry: "never", meaning: "no config file was found" },
  "config.syntax": { retry: "never", meaning: "the config file cannot be parsed" },
  "config.unknown-key": { retry: "never", meaning: "a key the config does not have" },
  "config.invalid": { retry: "never", meaning: "a value the config does not allow" },
  "config.missing-secret": { retry: "never", meaning: "an environment variable that is not set" },
  "config.collision": { retry: "never", meaning: "two tasks with one id, or one file" },
  "net.dns": { retry: "later", meaning: "the host name could not be resolved" },
  "net.refused": { retry: "later", meaning: "the host refused the connection" },
  "net.reset": { retry: "later", meaning: "the connection was closed before an answer" },
  "net.failed": { retry: "later", meaning: "the network failed in another way" },
  "tls.untrusted": { retry: "never", meaning: "the certificate is not trusted" },
  "tls.failed": { retry: "never", meaning: "no TLS session could be agreed on" },
  "timeout.response": { retry: "later", meaning: "no response headers in time" },
  "timeout.idle": { retry: "later", meaning: "the body stopped coming" },
  "timeout.attempt": { retry: "later", meaning: "the attempt took too long" },
  "timeout.deadline": { retry: "later", meaning: "the deadline of the run passed" },
  "http.status": { retry: "never", meaning: "the server answered with another status than 200" },
  "http.protocol": { retry: "never", meaning: "the answer breaks HTTP, or was not asked for" },
  "redirect.loop": { retry: "never", meaning: "redirected in a circle, or too often" },
  "redirect.insecure": { retry: "never", meaning: "redirected from https to http" },
  "redirect.private": { retry: "never", meaning: "led from a public host into a private network" },
  "body.truncated": { retry: "later", meaning: "the body ended too early" },
  "body.too-large": { retry: "never", meaning: "the body is larger than allowed" },
  "body.too-small": { retry: "never", meaning: "the body is smaller than allowed" },
  "expect.type": { retry: "never", meaning: "the content is not of the expected type" },
  "expect.digest": { retry: "never", meaning: "the content's digest is not the expected one" },
  "expect.shrunk": { retry: "never", meaning: "the file shrank more than allowed" },
  "expect.matches": { retry: "never", meaning: "the content does not match the pattern" },
  "store.full": { retry: "later", meaning: "no space is left where files are stored" },
  "store.denied": { retry: "never", meaning: "writing to the store is not permitted" },
  "store.conflict": {
    retry: "never",
    meaning: "something else stands where the file should go, or came there meanwhile",
  },
  "store.name": { retry: "never", meaning: "the store cannot hold a file of this name" },
  "store.busy": {
    retry: "later",
    meaning: "the store asks for a pause, or too many files are open",
  },
  "store.failed": { retry: "later", meaning: "the store failed in another way" },
  "state.locked": { retry: "later", meaning: "another process holds the state or the task" },
  "state.unreadable": { retry: "never", meaning: "the state is corrupt, or of a newer version" },
  "cancelled": { retry: "later", meaning: "the run was interrupted" },
  "internal": { retry: "never", meaning: "a bug in cronfetch" },
} as const satisfies Record<string, ErrorCodeMeaning>;

/** Details of a {@linkcode CronfetchError}. */
export interface CronfetchErrorOptions {
  /** The error underneath. */
  readonly cause?: unknown;
  /** Overrides the code's usual {@linkcode Retry}. */
  readonly retry?: Retry;
  /** The status of the response, where there was one (RFC 9110, section 15). */
  readonly httpStatus?: number;
  /** The pause that the response requests by Retry-After, in milliseconds (RFC 9110, 10.2.3). */
  readonly pauseMs?: number;
}

/**
 * The only error that cronfetch throws on purpose. Its message is one sentence:
 * what was being done, to what, and what went wrong.
 *
 * @example
 * ```ts
 * import { CronfetchError } from "./errors.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new CronfetchError("net.refused", "Connecting to localhost:8080: refused");
 * assertEquals(error.retry, "later");
 * ```
 */
export class CronfetchError extends Error {
  /** Always `CronfetchError`. */
  override readonly name = "CronfetchError";
  /** What went wrong, from the closed list. */
  readonly code: ErrorCode;
  /** Whether trying again can help. */
  readonly retry: Retry;
  /** The status of the response, or null. */
  readonly httpStatus: number | null;
  readonly #pauseMs: number | null;

  /** Makes an error of `code` that says `message`. */
  constructor(code: ErrorCode, message: string, options: CronfetchErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? ERROR_CODES[code].retry;
    this.httpStatus = options.httpStatus ?? null;
    this.#pauseMs = options.pauseMs ?? null;
  }

  /** The pause that the response requests, in milliseconds, over 0; or null. */
  get pauseMs(): number | null {
    return this.#pauseMs;
  }
}
