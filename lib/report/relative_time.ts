/** Times as people say them: `2 h ago`, `in 5 min`. Pure. */

const UNITS = [
  [24 * 60 * 60 * 1000, "d"],
  [60 * 60 * 1000, "h"],
  [60 * 1000, "min"],
  [1000, "s"],
] as const;

/**
 * How far a time is from now, in its largest whole unit: days, hours, minutes
 * or seconds.
 *
 * @returns `2 h ago`, `in 5 min`, or `now` for less than a second.
 */
export function relativeTime(time: Temporal.Instant, now: Temporal.Instant): string {
  const aheadMs = time.epochMilliseconds - now.epochMilliseconds;
  const [unitMs, unit] = UNITS.find(([unitMs]) => Math.abs(aheadMs) >= unitMs) ?? [1, null];
  if (unit === null) return "now";
  const distance = `${Math.floor(Math.abs(aheadMs) / unitMs)} ${unit}`;
  return aheadMs < 0 ? `${distance} ago` : `in ${distance}`;
}
