/** Errors of drivers and of the operating system, turned into `CronfetchError`s. */

import { CronfetchError, type ErrorCode, type Retry } from "../core/errors.ts";

/** An error code and a message: what happened, and what to do about it. */
type StoreExplanation = readonly [code: ErrorCode, message: string];

const FULL = "free some, or choose another folder";
const DENIED = "permission denied; let this user write there, or choose another folder";

/** By POSIX name, which Deno puts into `error.code` on every platform. */
const EXPLANATIONS: Readonly<Record<string, StoreExplanation>> = {
  ENOSPC: ["store.full", `no space is left on the disk; ${FULL}`],
  EDQUOT: ["store.full", `the disk quota is used up; ${FULL}`],
  EACCES: ["store.denied", DENIED],
  EPERM: ["store.denied", DENIED],
  EROFS: ["store.denied", "the file system is read-only; choose another folder"],
  ENAMETOOLONG: ["store.name", "the name is too long for the file system; choose a shorter one"],
  EILSEQ: ["store.name", "the file system does not support this name; choose another one"],
  EMFILE: ["store.busy", "too many files are open; lower the concurrency, or raise `ulimit -n`"],
  ENFILE: ["store.busy", "the system has too many files open; try again later"],
  ENOTDIR: ["store.conflict", "a file exists where a folder is needed; move it away"],
  EISDIR: ["store.conflict", "a folder exists under the name of the file; move it away"],
  EEXIST: ["store.conflict", "the name is already taken; move away what exists there"],
  ELOOP: ["store.conflict", "symbolic links form a loop; remove them"],
  ENOENT: ["store.failed", "a file or folder was removed by another process"],
};

/**
 * The error for a driver to throw: a code and a message. The store adds the operation and the key,
 * and throws a `CronfetchError` with this error as its cause.
 *
 * @example
 * ```ts
 * import { DriverError } from "@cronfetch/cronfetch";
 * import { assertEquals } from "@std/assert";
 *
 * const error = new DriverError("store.full", "the table has reached its size limit");
 * assertEquals(error.code, "store.full");
 * ```
 */
export class DriverError extends Error {
  /** Distinguishes it from errors of the operating system. */
  override readonly name = "DriverError";
  /** Becomes the code of the `CronfetchError`. */
  readonly code: ErrorCode;
  /** Whether a later run may succeed; null for the default of the code. */
  readonly retry: Retry | null;

  /**
   * Makes an error.
   *
   * @param code See docs/results.md.
   * @param message What happened and what to do about it, as a clause without the key.
   * @param options `retry` overrides that of the code; `cause` is the error underneath.
   */
  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly retry?: Retry; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? null;
  }
}

/**
 * Turns any thrown value into a `CronfetchError`; one that is returned as it is.
 *
 * @param doing The operation and its target: `storing "a/b.csv"`.
 */
export function storeError(doing: string, error: unknown): CronfetchError {
  if (error instanceof CronfetchError) return error;
  const [code, message] = explain(error);
  const retry = error instanceof DriverError ? error.retry : null;
  return new CronfetchError(code, `${doing}: ${message}`, {
    cause: error,
    ...(retry === null ? {} : { retry }),
  });
}

/**
 * Calls `work`.
 *
 * @throws {CronfetchError} What {@linkcode storeError} makes of an error of `work`.
 */
export async function wrapErrors<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(doing, error);
  }
}

/** The error of `Store.copy` if `from` does not exist. */
export function copySourceMissing(from: string): CronfetchError {
  const message = `copying ${JSON.stringify(from)}: there is no such file`;
  return new CronfetchError("store.failed", message, { retry: "never" });
}

/**
 * The error for a driver to throw if a draft cannot be published because its key no longer holds
 * the file that existed when the draft was started.
 *
 * @returns A `store.conflict` that a later run may resolve.
 */
export function changedConcurrently(): DriverError {
  const message =
    "another process has changed it since it was checked; the next run checks it again";
  return new DriverError("store.conflict", message, { retry: "later" });
}

/** The error of an exclusive publication under a key that is used. */
export function alreadyExists(): DriverError {
  return new DriverError("store.conflict", "a file of this name already exists, and is kept");
}

/** The error of every call to a closed store. */
export function storeClosed(): CronfetchError {
  return new CronfetchError("internal", "the store was used after it was closed");
}

/** Whether an error means that the path does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

function explain(error: unknown): StoreExplanation {
  if (error instanceof DriverError) return [error.code, error.message];
  if (error instanceof Deno.errors.NotCapable) {
    const flag = /--allow-[a-z]+/.exec(error.message)?.[0] ?? "--allow-write";
    return ["store.denied", `Deno lacks the permission; run again with ${flag}`];
  }
  if (!(error instanceof Error)) return ["store.failed", String(error)];
  const code = "code" in error ? String(error.code) : "";
  return EXPLANATIONS[code] ?? ["store.failed", error.message];
}
