/** What the operating system and Deno say, in our codes and in plain sentences. */

import { CronfetchError, type ErrorCode, type Retry } from "../core/errors.ts";

/** A code of ours, and a sentence: what happened, and what to do about it. */
type Explanation = readonly [code: ErrorCode, sentence: string];

const FULL = "free some, or choose another folder";
const DENIED = "permission denied; let this user write there, or choose another folder";

/** By the name that POSIX gives an error; Deno puts it into `error.code` on every platform. */
const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOSPC: ["store.full", `no space is left on the disk; ${FULL}`],
  EDQUOT: ["store.full", `the disk quota is used up; ${FULL}`],
  EACCES: ["store.denied", DENIED],
  EPERM: ["store.denied", DENIED],
  EROFS: ["store.denied", "the file system is read-only; choose another folder"],
  ENAMETOOLONG: ["store.name", "the name is too long for the file system; choose a shorter one"],
  EILSEQ: ["store.name", "the file system cannot hold such a name; choose another one"],
  EMFILE: ["store.busy", "too many files are open; lower the concurrency, or raise `ulimit -n`"],
  ENFILE: ["store.busy", "the whole system has too many files open; try again later"],
  ENOTDIR: ["store.conflict", "a file stands where a folder is needed; move it away"],
  EISDIR: ["store.conflict", "a folder stands where the file should go; move it away"],
  EEXIST: ["store.conflict", "something else stands there already; move it away"],
  ELOOP: ["store.conflict", "symbolic links lead in a circle there; remove them"],
  ENOENT: ["store.failed", "it is not there any more; something has removed it"],
};

/** A driver's own reason to stop; {@linkcode storeError} adds what was being done. */
export class DriverError extends Error {
  /** Tells it from errors of the system. */
  override readonly name = "DriverError";
  /** Of the error it becomes. */
  readonly code: ErrorCode;
  /** What to do about it, where the code does not tell. */
  readonly retry: Retry | null;

  /** Makes a reason that says `sentence`. */
  constructor(
    code: ErrorCode,
    sentence: string,
    options: { readonly retry?: Retry; readonly cause?: unknown } = {},
  ) {
    super(sentence, { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? null;
  }
}

/**
 * Turns whatever was thrown into an error of ours.
 *
 * @param doing What was being done, and to what: `storing "a/b.csv"`.
 * @param error What was thrown; a {@linkcode CronfetchError} comes back as it is.
 */
export function storeError(doing: string, error: unknown): CronfetchError {
  if (error instanceof CronfetchError) return error;
  const [code, sentence] = explain(error);
  const retry = error instanceof DriverError ? error.retry : null;
  return new CronfetchError(code, `${doing}: ${sentence}`, {
    cause: error,
    ...(retry === null ? {} : { retry }),
  });
}

/**
 * Does `work`, and explains what it throws.
 *
 * @throws {CronfetchError} See {@linkcode storeError}.
 */
export async function wrapErrors<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeError(doing, error);
  }
}

/** What `Store.copy` throws where nothing is published under `from`. */
export function copySourceMissing(from: string): CronfetchError {
  const sentence = `copying ${JSON.stringify(from)}: there is no such file`;
  return new CronfetchError("store.failed", sentence, { retry: "never" });
}

/** What a driver throws that cannot publish, since the key holds something else by now. */
export function changedConcurrently(): DriverError {
  const sentence = "somebody else has changed it since it was looked at; the next run looks anew";
  return new DriverError("store.conflict", sentence, { retry: "later" });
}

/** What a driver throws that was to publish under an unused key, which is used. */
export function alreadyExists(): DriverError {
  return new DriverError(
    "store.conflict",
    "a file of that name exists already, and is left as it is",
  );
}

/** What a store throws that is used after its end. */
export function storeClosed(): CronfetchError {
  return new CronfetchError("internal", "a store was used after it was closed");
}

/** Whether an error says that nothing is there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

function explain(error: unknown): Explanation {
  if (error instanceof DriverError) return [error.code, error.message];
  if (error instanceof Deno.errors.NotCapable) {
    const flag = /--allow-[a-z]+/.exec(error.message)?.[0] ?? "--allow-write";
    return ["store.denied", `Deno was not given the permission; run again with ${flag}`];
  }
  if (!(error instanceof Error)) return ["store.failed", String(error)];
  const code = "code" in error ? String(error.code) : "";
  return EXPLANATIONS[code] ?? ["store.failed", error.message];
}
