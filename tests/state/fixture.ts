/** What the conformance suite of states and the tests of drivers share. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async";
import { fromFileUrl } from "@std/path";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { OpeningHost } from "../../lib/state/open.ts";
import type { State } from "../../lib/state/state.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";

/** A place for a state. */
export interface Place extends AsyncDisposable {
  /** Opens the state. Several may be open at the same time. */
  open(host: OpeningHost, historyMs?: number): Promise<State>;
}

/** A place for a state that other processes can open as well. */
export interface SharedPlace extends Place {
  /** The location that they open. */
  readonly location: string;
}

/** Registers one test of the conformance suite, which gets a place of its own. */
export type ConformanceTest<P = Place> = (name: string, body: (place: P) => Promise<void>) => void;

/** When the suite's clock starts. */
export const START = "2026-01-15T12:00:00Z";

/** Duration of the suite's leases. */
export const TTL_MS = 60_000;

/** Asserts that opening fails with a code and message. */
export async function assertRefused(place: Place, message: string): Promise<void> {
  const error = await assertRejects(() => place.open(testHost()), CronfetchError);
  assertEquals(error.code, "state.unreadable");
  assertStringIncludes(`${error.message}; ${error.hint}`, message);
}

/**
 * Lets a process lease tasks and be killed, then `kills` more be killed before call number `call`
 * of leasing the same tasks; asserts that the next run gets all of them.
 *
 * @returns False if there are fewer calls: the last process got to its end.
 */
export async function freeAfterKills(
  location: string,
  call: number,
  kills: number,
): Promise<boolean> {
  await (await startProcess("hold", location, `held-${call}`, "a", "b"))[Symbol.asyncDispose]();
  let isKilled = true;
  for (let kill = 1; kill <= kills; kill++) {
    await using child = await startProcess("die", location, `${call}-${kill}`, `${call}`, "a", "b");
    isKilled = child.firstLine === "";
    if (!isKilled) assertEquals(child.firstLine, '["a","b"]');
  }
  const host = testHost({ now: Temporal.Now.instant().toString() });
  await using state = await openState(location, host);
  const granted = await state.acquire(["a", "b"], `run-${call}`, TTL_MS);
  assertEquals(granted, new Set(["a", "b"]), `killed before call ${call}`);
  await state.release(`run-${call}`);
  return isKilled;
}

/** A process that waits until it is killed. */
export interface StayingProcess extends AsyncDisposable {
  /** The line it printed when ready; empty if it ended before. */
  readonly firstLine: string;
}

/** Starts `process.ts`; disposing of it, for the first time, kills it on the spot. */
export async function startProcess(...args: string[]): Promise<StayingProcess> {
  const child = otherProcess(...args).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const end = async () => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
    await reader.cancel();
    await child.stderr.cancel();
    await child.status;
  };
  let ended: Promise<void> | null = null;
  return {
    firstLine: new TextDecoder().decode(value).trimEnd(),
    [Symbol.asyncDispose]: () => ended ??= end(),
  };
}

/** The command that runs `process.ts`. */
export function otherProcess(...args: string[]): Deno.Command {
  const script = fromFileUrl(new URL("process.ts", import.meta.url));
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-read", "--allow-write", "--allow-env", script, ...args],
    stdout: "piped",
    stderr: "piped",
  });
}

/** Sleeps in real time, so that other processes proceed. */
export function realSleeps(host: TestHost): TestHost {
  const sleep = (durationMs: number, signal: AbortSignal) => delay(durationMs, { signal });
  return { ...host, timers: { ...host.timers, sleep } };
}

/** The entries of a map, sorted by key. */
export function sorted<T>(values: ReadonlyMap<string, T>): [string, T][] {
  return [...values].sort(([a], [b]) => a < b ? -1 : 1);
}
