/** The error class of cronfetch, and the closed list of its codes with their meanings and hints. */

/**
 * Whether trying again can help: `never` (the same request gets the same response), `later` (after
 * a delay, or in the next run).
 */
export type Retry = "never" | "later";

/**
 * Every code a {@linkcode CronfetchError} or a failed `TaskResult` can carry. Codes are stable:
 * scripts and alerts may depend on them. See {@linkcode ERROR_CODES}.
 */
export type ErrorCode = keyof typeof ERROR_CODES;

/** What is known of an error by its code. */
export interface ErrorCodeMeaning {
  /** Whether trying again can help, unless the error itself overrides it (`http.status` does). */
  readonly retry: Retry;
  /** One clause for people. */
  readonly meaning: string;
  /** What a person can do, a clause in the imperative; null if the message contains it. */
  readonly hint: string | null;
}

/** The closed list of codes, in the order of the docs. */
export const ERROR_CODES = {
  "usage": { retry: "never", meaning: "the command line is wrong", hint: "see cronfetch --help" },
  "config.not-found": {
    retry: "never",
    meaning: "no config file was found",
    hint: "cronfetch init writes one",
  },
  "config.syntax": { retry: "never", meaning: "the config file cannot be parsed", hint: null },
  "config.unknown-key": { retry: "never", meaning: "a key the config does not have", hint: null },
  "config.invalid": { retry: "never", meaning: "a value the config does not allow", hint: null },
  "config.missing-secret": {
    retry: "never",
    meaning: "a secret whose environment variable is not set or whose file has none",
    hint: "set the variable or write the file, or remove it from the config",
  },
  "config.collision": {
    retry: "never",
    meaning: "two tasks with one id, or one file",
    hint: "give each task its own id and file",
  },
  "net.dns": {
    retry: "later",
    meaning: "the host name could not be resolved",
    hint: "check the host name, and that this machine can resolve names",
  },
  "net.refused": {
    retry: "later",
    meaning: "the host refused the connection",
    hint: "check the port, and that the server is running",
  },
  "net.reset": {
    retry: "later",
    meaning: "the connection was closed before a response",
    hint: "the server or a proxy closed the connection; try again later",
  },
  "net.failed": {
    retry: "later",
    meaning: "the network failed in another way",
    hint: "check the URL, the network, and the proxy if there is one",
  },
  "tls.untrusted": {
    retry: "never",
    meaning: "the certificate is not trusted",
    hint: "check the host name and the date; set caFile in hosts for an authority of your own",
  },
  "tls.failed": {
    retry: "never",
    meaning: "the TLS handshake failed",
    hint: null,
  },
  "timeout.connect": {
    retry: "later",
    meaning: "no connection in time",
    hint: "check the host and the network; raise timeout.connect if they are slow",
  },
  "timeout.response": {
    retry: "later",
    meaning: "no response headers in time",
    hint: "raise timeout.response if the server is slow",
  },
  "timeout.idle": {
    retry: "later",
    meaning: "the body stalled",
    hint: "raise timeout.idle if the server is slow",
  },
  "timeout.attempt": {
    retry: "later",
    meaning: "the attempt took too long",
    hint: "raise timeout.attempt if the file is large or the connection is slow",
  },
  "timeout.deadline": {
    retry: "later",
    meaning: "the deadline of the run passed",
    hint: "raise limits.deadline, or split the tasks",
  },
  "http.status": {
    retry: "never",
    meaning: "the server responded with another status than 200",
    hint: "check the URL in a browser",
  },
  "auth.failed": {
    retry: "never",
    meaning: "the credentials of auth were refused, or no token could be fetched",
    hint: "check the credentials in auth; cronfetch doctor fetches the tokens",
  },
  "http.protocol": {
    retry: "never",
    meaning: "the response violates HTTP, or does not match the request",
    hint: "report it to the operator of the server",
  },
  "redirect.loop": {
    retry: "never",
    meaning: "redirected in a circle, or too often",
    hint: "check the URL, and whether the server requires a header or cookie",
  },
  "redirect.insecure": {
    retry: "never",
    meaning: "redirected from https to http",
    hint: "use the final address over https",
  },
  "redirect.body": {
    retry: "never",
    meaning: "redirected to another origin, which must not receive the body",
    hint: "use the final address in the config if its owner may read the body",
  },
  "redirect.private": {
    retry: "never",
    meaning: "redirected or resolved from a public host to a private address",
    hint: "use allowPrivate or --allow-private only if you trust the server",
  },
  "body.truncated": {
    retry: "later",
    meaning: "the body ended too early",
    hint: "the server or a proxy cut the body; try again later",
  },
  "body.too-large": {
    retry: "never",
    meaning: "the body is larger than allowed",
    hint: "raise expect.maxSize if this size is right",
  },
  "body.too-small": {
    retry: "never",
    meaning: "the body is smaller than allowed",
    hint: "lower expect.minSize if this size is right",
  },
  "content.coding": {
    retry: "later",
    meaning: "the content coding of the body is damaged, or cannot be decoded",
    hint: 'report it to the operator of the server; "decode": "keep" stores the body as received',
  },
  "content.transform": {
    retry: "never",
    meaning: "the transform of the content failed",
    hint: "run the command by hand with the file on its standard input",
  },
  "content.unpack": {
    retry: "never",
    meaning: "the archive is damaged, unsafe, or too large to unpack",
    hint: "list its members by hand; unpack.include selects those to publish",
  },
  "list.invalid": {
    retry: "never",
    meaning: "the list cannot be read",
    hint: "check what its URL returns, and the keys of from",
  },
  "list.shrunk": {
    retry: "never",
    meaning: "the list has lost too many of its items",
    hint: "if that is right, accept it with --force; from.minCount and from.minRatio decide",
  },
  "expect.type": {
    retry: "never",
    meaning: "the content is not of the expected type",
    hint: "check what the URL returns; expect.type and expect.sniff decide what is accepted",
  },
  "expect.digest": {
    retry: "never",
    meaning: "the content's digest is not the expected one",
    hint: "check whether the file was meant to change before you change the expected digest",
  },
  "expect.shrunk": {
    retry: "never",
    meaning: "the file shrank more than allowed",
    hint: "lower expect.minRatio if this size is right",
  },
  "expect.matches": {
    retry: "never",
    meaning: "the content does not match the pattern",
    hint: "check what the URL returns, or change expect.matches",
  },
  "store.full": {
    retry: "later",
    meaning: "no space is left in the store",
    hint: "free some space",
  },
  "store.denied": {
    retry: "never",
    meaning: "writing to the store is not permitted",
    hint: "check the access rights, and the permission flags (cronfetch doctor)",
  },
  "store.conflict": {
    retry: "never",
    meaning: "another file exists at the target, or was created meanwhile",
    hint: 'name the file by "to", or move the other file away and run again',
  },
  "store.name": {
    retry: "never",
    meaning: "the store cannot hold a file of this name",
    hint: 'change "to" of the task',
  },
  "store.busy": {
    retry: "later",
    meaning: "the store requests a pause, or too many files are open",
    hint: "lower limits.concurrency",
  },
  "store.failed": {
    retry: "later",
    meaning: "the store failed in another way",
    hint: "check the disk or the bucket",
  },
  "hook.failed": {
    retry: "later",
    meaning: "a webhook or command of onChange did not accept a change",
    hint: "check the webhook or the command; the change is delivered again later",
  },
  "state.locked": {
    retry: "later",
    meaning: "another process has locked the state or the task",
    hint: "wait for the other run",
  },
  "state.unreadable": {
    retry: "never",
    meaning: "the state is corrupt, or of a newer version",
    hint: "restore it from a copy, or move it away to start from scratch",
  },
  "cancelled": { retry: "later", meaning: "the run was interrupted", hint: null },
  "internal": { retry: "never", meaning: "a bug in cronfetch", hint: "please report it" },
} as const satisfies Record<string, ErrorCodeMeaning>;

/** Hints for `http.status`, by status (RFC 9110, section 15; RFC 6585; RFC 7725). */
const STATUS_HINTS: Readonly<Record<number, string>> = {
  401: "set the credentials of this origin in auth, or check those in the headers",
  403: "check what the credentials in auth or the headers permit",
  404: "check the URL",
  405: "the URL expects another method: set method and body of the task",
  407: "check the proxy's user name and password",
  408: "the server is busy; try again later",
  410: "the file is gone for good: remove the task",
  413: "the body of the request is too large for the server",
  415: "set the header Content-Type to the format that the server expects",
  429: "send fewer requests: raise limits.spacing or lower limits.perHost",
  451: "the file is withheld for legal reasons: remove the task",
};

/**
 * What a person can do about a failure.
 *
 * @param httpStatus Status of the last response, or null without one.
 * @returns A clause in the imperative without a full stop, or null if the message contains it.
 */
export function hintFor(code: ErrorCode, httpStatus: number | null): string | null {
  if (code === "http.status" && httpStatus !== null) {
    const known = STATUS_HINTS[httpStatus];
    if (known !== undefined) return known;
    if (httpStatus >= 500) return "the server has a problem; try again later";
  }
  return ERROR_CODES[code].hint;
}

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
  /** What a person can do, a clause; instead of the hint of the code. */
  readonly hint?: string;
}

/**
 * The only error that cronfetch throws intentionally. Its message is one sentence: what was being
 * done, to what, and what failed. Anything else that is thrown is a bug.
 *
 * @example
 * ```ts
 * import { CronfetchError } from "@cronfetch/cronfetch";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new CronfetchError("net.refused", "Connecting to localhost:8080: refused");
 * assertEquals(error.retry, "later");
 * ```
 */
export class CronfetchError extends Error {
  /** Always `CronfetchError`. */
  override readonly name = "CronfetchError";
  /** One of the closed list. */
  readonly code: ErrorCode;
  /** Whether trying again can help. */
  readonly retry: Retry;
  /** The status of the response, or null. */
  readonly httpStatus: number | null;
  /** What a person can do in this case, or null. */
  readonly hint: string | null;
  readonly #pauseMs: number | null;

  /**
   * Makes an error.
   *
   * @param code Decides `retry`, unless the options override it.
   * @param message One sentence, without secrets.
   * @param options Details that override those of the code.
   */
  constructor(code: ErrorCode, message: string, options: CronfetchErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? ERROR_CODES[code].retry;
    this.httpStatus = options.httpStatus ?? null;
    this.hint = options.hint ?? null;
    this.#pauseMs = options.pauseMs ?? null;
  }

  /** The pause that the response requests, in milliseconds, over 0; or null. */
  get pauseMs(): number | null {
    return this.#pauseMs;
  }
}
