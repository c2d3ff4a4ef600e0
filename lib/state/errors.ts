/** Errors of a state by our codes, and repeated attempts on a locked state. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import { errorMessage } from "../core/text.ts";
import type { StateHost } from "./driver.ts";

/** A code, a clause, and what to do instead of the hint of the code. */
type StateExplanation = readonly [code: ErrorCode, sentence: string, hint?: string];

const FROM_SCRATCH = "move it away to start from scratch; published files are kept";
const ELSEWHERE = "choose another path";
const FULL: StateExplanation = ["store.full", "no space is left"];
const DENIED: StateExplanation = ["store.denied", "permission denied"];
const DAMAGED: StateExplanation = ["state.unreadable", "the database is damaged", FROM_SCRATCH];

/** By POSIX name, which Deno puts into `error.code` on every platform. */
const BY_NAME: Readonly<Record<string, StateExplanation>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: DENIED,
  EISDIR: ["state.unreadable", "it is a folder", ELSEWHERE],
  ENOTDIR: ["state.unreadable", "a folder of its path is a file", ELSEWHERE],
  EEXIST: ["state.unreadable", "a folder of its path is a file", ELSEWHERE],
  ELOOP: ["state.unreadable", "its symbolic links form a loop", ELSEWHERE],
};

/** By message of SQLite or Deno KV, which have no codes. */
const BY_MESSAGE: readonly (readonly [pattern: RegExp, explanation: StateExplanation])[] = [
  [/database (?:table )?is locked/, ["state.locked", "another process keeps it locked"]],
  [/file is not a database/, ["state.unreadable", "the file is not a database", FROM_SCRATCH]],
  [/malformed|no such (?:table|column)|already exists in|Query returned no rows/, DAMAGED],
  [/Invalid column type|out of range at index|invalid utf8|value encoding|deserialize/, DAMAGED],
  [/database or disk is full/, FULL],
  [/read-?only database/, DENIED],
];

/** Thrown within this room if another process was faster: a retry helps. */
export class Contended extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "Contended";
}

/**
 * Converts an error of a driver.
 *
 * @param doing What was being done, and to what: `writing the state file:/a.json`.
 * @param error A {@linkcode CronfetchError} is returned unchanged.
 */
export function stateError(doing: string, error: unknown): CronfetchError {
  if (error instanceof CronfetchError) return error;
  const [code, sentence, hint] = explain(error);
  const options = { cause: error, ...(hint !== undefined && { hint }) };
  return new CronfetchError(code, `${doing}: ${sentence}`, options);
}

/**
 * An error about a state that cannot be read.
 *
 * @param what What is wrong with it.
 * @param advice What to do about it.
 */
export function unreadable(
  location: string,
  what: string,
  { cause, advice = FROM_SCRATCH }: { readonly cause?: unknown; readonly advice?: string } = {},
): CronfetchError {
  return new CronfetchError("state.unreadable", `reading the state ${location}: ${what}`, {
    cause,
    hint: advice,
  });
}

/**
 * Size in bytes of a state's file; null if it is missing. Opening anything but a file, such as a pipe,
 * could block forever.
 *
 * @param location Of the state, for the error.
 * @throws {CronfetchError} `state.unreadable`: it is not a file, or reading is not permitted.
 */
export async function fileSize(path: string, location: string): Promise<number | null> {
  try {
    const { isFile, isDirectory, size } = await Deno.stat(path);
    if (isFile) return size;
    const what = isDirectory ? "it is a folder" : "it is not a file";
    throw unreadable(location, what, { advice: ELSEWHERE });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw readingError(location, error);
  }
}

/** The error for a state's file that could not be read. */
export function readingError(location: string, error: unknown): unknown {
  if (!(error instanceof Deno.errors.PermissionDenied)) return error;
  const advice = "check the permissions of the file and its folder";
  return unreadable(location, "permission denied", { cause: error, advice });
}

/**
 * Runs `work`, and repeats it after each of `delaysMs` while another process has locked the state.
 *
 * @throws {CronfetchError} Any `state.` code; see {@linkcode stateError}.
 */
export async function retryWhileLocked<T>(
  doing: string,
  host: Pick<StateHost, "random" | "timers">,
  delaysMs: readonly number[],
  work: () => Promise<T>,
): Promise<T> {
  for (const delayMs of delaysMs) {
    try {
      return await work();
    } catch (error) {
      const failure = stateError(doing, error);
      if (failure === error || failure.code !== "state.locked") throw failure;
    }
    // A few seconds in total. Aborting the wait would lose records.
    const { signal } = new AbortController();
    await host.timers.sleep(Math.ceil(delayMs * (0.5 + host.random.fraction() / 2)), signal);
  }
  try {
    return await work();
  } catch (error) {
    throw stateError(doing, error);
  }
}

function explain(error: unknown): StateExplanation {
  if (error instanceof Contended) return ["state.locked", "other processes keep changing it"];
  if (error instanceof Deno.errors.NotCapable) {
    const flag = /--allow-[a-z]+/.exec(error.message)?.[0] ?? "--allow-write";
    return ["store.denied", "Deno was not given the permission", `run again with ${flag}`];
  }
  const name = error instanceof Error && "code" in error ? String(error.code) : "";
  const said = errorMessage(error);
  return BY_NAME[name] ??
    BY_MESSAGE.find(([pattern]) => pattern.test(said))?.[1] ??
    ["store.failed", said];
}
