/** What goes wrong with a state, in our codes; and patience with what is locked. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import type { StateHost } from "./driver.ts";

/** A code of ours, and what happened. */
type Explanation = readonly [code: ErrorCode, sentence: string];

const LEFT = "it is left as it was";
const FULL: Explanation = ["store.full", "no space is left"];
const DENIED: Explanation = ["store.denied", "permission denied"];

/** By the name that POSIX gives an error; Deno puts it into `error.code` on every platform. */
const BY_NAME: Readonly<Record<string, Explanation>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: DENIED,
};

/** By what SQLite says, under Deno KV. */
const BY_MESSAGE: readonly (readonly [pattern: RegExp, explanation: Explanation])[] = [
  [/database (?:table )?is locked/, ["state.locked", "another process keeps it locked"]],
  [/file is not a database/, ["state.unreadable", `the file is no database; ${LEFT}`]],
  [/database disk image is malformed/, ["state.unreadable", `the database is damaged; ${LEFT}`]],
  [/database or disk is full/, FULL],
  [/attempt to write a readonly database/, DENIED],
];

/** Thrown within this folder where another process was quicker: trying again helps. */
export class Contended extends Error {
  /** Tells it from other errors. */
  override readonly name = "Contended";
}

/**
 * Turns whatever a driver's calls threw into an error of ours.
 *
 * @param doing What was being done, and to what: `writing the state file:/a.json`.
 * @param error What was thrown; a {@linkcode CronfetchError} comes back as it is.
 */
export function stateError(doing: string, error: unknown): CronfetchError {
  if (error instanceof CronfetchError) return error;
  const [code, sentence] = explain(error);
  return new CronfetchError(code, `${doing}: ${sentence}`, { cause: error });
}

/** The error about a state that cannot be understood. */
export function unreadable(location: string, what: string, cause?: unknown): CronfetchError {
  return new CronfetchError("state.unreadable", `reading the state ${location}: ${what}; ${LEFT}`, {
    cause,
  });
}

/**
 * Does `work`, and does it again after each of `delaysMs` while somebody else
 * is in the way.
 *
 * @throws {CronfetchError} any `state.` code; see {@linkcode stateError}.
 */
export async function patiently<T>(
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
    // At most a few seconds in all. A signal would only trade them for lost records.
    const { signal } = new AbortController();
    await host.timers.sleep(Math.ceil(delayMs * (0.5 + host.random.fraction() / 2)), signal);
  }
  try {
    return await work();
  } catch (error) {
    throw stateError(doing, error);
  }
}

function explain(error: unknown): Explanation {
  if (error instanceof Contended) return ["state.locked", "other processes keep changing it"];
  if (error instanceof Deno.errors.NotCapable) {
    const flag = /--allow-[a-z]+/.exec(error.message)?.[0] ?? "--allow-write";
    return ["store.denied", `Deno was not given the permission; run again with ${flag}`];
  }
  const name = error instanceof Error && "code" in error ? String(error.code) : "";
  const said = error instanceof Error ? error.message : String(error);
  return BY_NAME[name] ??
    BY_MESSAGE.find(([pattern]) => pattern.test(said))?.[1] ??
    ["store.failed", said];
}
