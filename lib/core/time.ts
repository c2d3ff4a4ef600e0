/** Durations as text, and instants in order. Pure. */

/** Units of a duration in a config, the largest first, in milliseconds. */
export const DURATION_UNITS = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
} as const;

/** The duration as a config has it: `1h30m`, `250ms`. */
export function durationText(durationMs: number): string {
  let restMs = durationMs;
  let text = "";
  for (const [unit, unitMs] of Object.entries(DURATION_UNITS)) {
    const count = Math.floor(restMs / unitMs);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * unitMs;
  }
  return text || "0s";
}

export function isBefore(one: Temporal.Instant, other: Temporal.Instant): boolean {
  return Temporal.Instant.compare(one, other) < 0;
}

type MaybeInstant = Temporal.Instant | null;

/** The earlier of two instants; null only if both are. */
export function earlier(one: MaybeInstant, other: Temporal.Instant): Temporal.Instant;
export function earlier(one: MaybeInstant, other: MaybeInstant): MaybeInstant;
export function earlier(one: MaybeInstant, other: MaybeInstant): MaybeInstant {
  if (!one || !other) return one ?? other;
  return isBefore(other, one) ? other : one;
}

/** The later of two instants; null only if both are. */
export function later(one: MaybeInstant, other: MaybeInstant): MaybeInstant {
  if (!one || !other) return one ?? other;
  return isBefore(one, other) ? other : one;
}
