/** A brake on guessing the token. */

import type { Clock, Timers } from "../core/host.ts";

/** Remembers wrong attempts, and makes them slow and few. */
export interface Brake {
  /** Whole seconds until somebody may try again; 0 for now. */
  waitSeconds(): number;
  /** Counts a wrong attempt at once, and waits before it is answered. */
  wrong(): Promise<void>;
}

/** Wrong attempts that are borne in a minute, over all visitors: addresses cost nothing. */
const MOST_WRONG = 10;
const WINDOW_MS = 60_000;

/** How much later a wrong attempt is answered, in milliseconds. */
const WRONG_MS = 500;

/**
 * Makes a brake. While it holds, the right token is refused as well: an answer of another kind
 * would let the guessing go on.
 */
export function createBrake(
  { clock, timers, closing }: {
    readonly clock: Pick<Clock, "monotonicMs">;
    readonly timers: Pick<Timers, "sleep">;
    /** Ends the waiting. */
    readonly closing: AbortSignal;
  },
): Brake {
  /** When the recent wrong attempts were made, the oldest first. */
  let wrongAtMs: readonly number[] = [];
  return {
    waitSeconds: () => {
      const nowMs = clock.monotonicMs();
      wrongAtMs = wrongAtMs.filter((atMs) => nowMs - atMs < WINDOW_MS);
      const oldest = wrongAtMs.at(-MOST_WRONG);
      return oldest === undefined ? 0 : Math.ceil((oldest + WINDOW_MS - nowMs) / 1_000);
    },
    wrong: async () => {
      wrongAtMs = [...wrongAtMs, clock.monotonicMs()];
      await timers.sleep(WRONG_MS, closing).catch(() => {});
    },
  };
}
