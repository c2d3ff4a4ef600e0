/** Errors of Postgres and of the connection to it, by our codes. */

import { CronfetchError, type ErrorCode, type Retry } from "../../core/errors.ts";
import { errorMessage } from "../../core/text.ts";

/** What can be done about an error: wait for the server, repeat the transaction, or nothing. */
export type Remedy = "wait" | "repeat" | "none";

/** What an error is. */
interface Explanation {
  readonly remedy: Remedy;
  readonly code: ErrorCode;
  /** A clause; null for the message of the error. */
  readonly sentence: string | null;
  readonly hint?: string;
  /** Overrides that of the code. */
  readonly retry?: Retry;
}

const SERVER_HINT = "check that Postgres is running, and its host and port";
const MIGRATE = '"cronfetch state migrate" as the owner of the tables creates or grants them';
const DAMAGED = "restore it from a backup";
const SLOW = "raise the statement_timeout of the role, or find out what slows the server down";
const TRUST = "name the certificate of its authority by sslrootcert=PATH, or renew an expired one";

/** The server or the way to it is unavailable. */
function away(sentence: string | null): Explanation {
  return { remedy: "wait", code: "store.failed", sentence, hint: SERVER_HINT };
}

function final(code: ErrorCode, sentence: string | null, hint?: string): Explanation {
  return { remedy: "none", code, sentence, ...(hint !== undefined && { hint }) };
}

/** TLS problems do not go away by waiting. */
function tls(sentence: string, hint: string): Explanation {
  return { ...final("store.failed", sentence, hint), retry: "never" };
}

const CONTENDED: Explanation = {
  remedy: "repeat",
  code: "state.locked",
  sentence: "other processes keep changing it",
};

/** By SQLSTATE, or its class of two characters; POSIX names and those of Node's TLS. */
const BY_CODE: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: away("connection refused"),
  ECONNRESET: away("the connection was closed"),
  EPIPE: away("the connection was closed"),
  ETIMEDOUT: away("the server does not respond"),
  EHOSTUNREACH: away("the host is unreachable"),
  ENETUNREACH: away("the network is unreachable"),
  ENOENT: away("the socket of the server is missing"),
  ENOTFOUND: away("the host name could not be resolved"),
  EAI_AGAIN: away("the host name could not be resolved"),
  "08": away("the connection was closed"),
  "53300": away("the server has too many connections"),
  "57P01": away("the server is stopping"),
  "57P02": away("the server crashed"),
  "57P03": away("the server is starting or stopping"),
  "25P03": away("the transaction took too long"),
  "40001": CONTENDED,
  "40P01": CONTENDED,
  "55P03": final("state.locked", "another process keeps it locked"),
  "57014": final("store.failed", "the query took too long", SLOW),
  "28": final("store.denied", null, "check the user name and the password"),
  "42501": final("store.denied", null, MIGRATE),
  "25006": final("store.denied", "the database is read-only", "connect to the primary server"),
  "53100": final("store.full", "no space is left"),
  "3D000": final("state.unreadable", "the database does not exist", "create it with createdb"),
  "3F000": final("state.unreadable", "its tables are missing", MIGRATE),
  "42P01": final("state.unreadable", "its tables are missing", MIGRATE),
  "42703": final("state.unreadable", "its tables are not those of cronfetch", DAMAGED),
  "XX001": final("state.unreadable", "the database is damaged", DAMAGED),
  "XX002": final("state.unreadable", "the database is damaged", DAMAGED),
};

/** By message: the client and Deno's TLS have no codes. */
const BY_MESSAGE: readonly (readonly [pattern: RegExp, explanation: Explanation])[] = [
  [
    /does not support SSL/,
    tls(
      "the server has no TLS",
      "enable it; sslmode=disable sends everything unencrypted, the password included",
    ),
  ],
  [
    /altnames|NotValidForName/,
    tls(
      "its certificate is for another host name",
      "use the name of the certificate; sslmode=verify-ca accepts any",
    ),
  ],
  [
    /certificate|self[- ]signed|UnknownIssuer/i,
    tls(
      "its certificate is not trusted",
      TRUST,
    ),
  ],
  [/password must be/, final("store.denied", "it requires a password", "set PGPASSWORD")],
  [/terminated|ended unexpectedly|not queryable|socket disconnected|Connection ended/, {
    ...away("the connection was closed"),
  }],
  [/timeout|timed out/i, away("the server does not respond")],
  [/failed to lookup address/, away("the host name could not be resolved")],
  [/ECONNREFUSED|refused/, away("connection refused")],
];

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function explain(error: unknown): Explanation {
  // Node reports the attempts at several addresses together.
  const one = error instanceof AggregateError ? error.errors[0] : error;
  const code = codeOf(one);
  return BY_CODE[code] ?? BY_MESSAGE.find(([pattern]) => pattern.test(errorMessage(one)))?.[1] ??
    BY_CODE[code.slice(0, 2)] ?? final("store.failed", null);
}

/** What can be done about an error of a query. */
export function remedyFor(error: unknown): Remedy {
  return error instanceof CronfetchError ? "none" : explain(error).remedy;
}

/** The clause about an error of a query. */
export function describe(error: unknown): string {
  return explain(error).sentence ?? errorMessage(error);
}

/**
 * Converts an error.
 *
 * @param doing What was being done, and to what.
 * @param error A {@linkcode CronfetchError} is returned unchanged.
 */
export function postgresError(doing: string, error: unknown): CronfetchError {
  if (error instanceof CronfetchError) return error;
  const { code, hint, retry } = explain(error);
  return new CronfetchError(code, `${doing}: ${describe(error)}`, {
    cause: error,
    ...(hint !== undefined && { hint }),
    ...(retry !== undefined && { retry }),
  });
}
