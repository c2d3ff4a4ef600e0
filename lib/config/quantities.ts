/** Durations and sizes as people write them: `1h30m`, `10MB`. */

/** Milliseconds of each unit of a duration, largest first. */
const DURATION_UNITS = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
} as const;

/** Bytes of each unit of a size: decimal ones by 1000, `i` ones by 1024 (IEC 80000-13). */
const SIZE_UNITS = {
  TB: 1000 ** 4,
  TiB: 1024 ** 4,
  GB: 1000 ** 3,
  GiB: 1024 ** 3,
  MB: 1000 ** 2,
  MiB: 1024 ** 2,
  KB: 1000,
  kB: 1000,
  KiB: 1024,
  B: 1,
} as const;

const NUMBER = "[0-9]+(?:\\.[0-9]+)?";

/** What a duration looks like: each unit once at most, the largest first. */
export const DURATION_PATTERN: RegExp = new RegExp(
  `^(?=.)${Object.keys(DURATION_UNITS).map((unit) => `(?:${NUMBER}${unit})?`).join("")}$`,
);

/** What a size looks like. */
export const SIZE_PATTERN: RegExp = new RegExp(
  `^${NUMBER} ?(?:${Object.keys(SIZE_UNITS).join("|")})$`,
);

/**
 * Reads a duration such as `250ms`, `30s`, `1.5h` or `1h30m`.
 *
 * @returns Whole milliseconds, or null for anything else.
 */
export function parseDuration(text: string): number | null {
  if (!DURATION_PATTERN.test(text)) return null;
  let totalMs = 0;
  for (const [, number, unit] of text.matchAll(/([0-9.]+)([a-z]+)/gy)) {
    totalMs += Number(number) * DURATION_UNITS[unit as keyof typeof DURATION_UNITS];
  }
  return Math.round(totalMs);
}

/**
 * Reads a size such as `512B`, `10MB` or `1.5 GiB`.
 *
 * @returns Whole bytes, or null for anything else.
 */
export function parseSize(text: string): number | null {
  if (!SIZE_PATTERN.test(text)) return null;
  const number = Number.parseFloat(text);
  const unit = text.replace(/^[0-9. ]+/, "");
  return Math.round(number * SIZE_UNITS[unit as keyof typeof SIZE_UNITS]);
}

/** Writes milliseconds so that {@linkcode parseDuration} reads them back. */
export function formatDuration(durationMs: number): string {
  let restMs = durationMs;
  let text = "";
  for (const [unit, unitMs] of Object.entries(DURATION_UNITS)) {
    const count = Math.floor(restMs / unitMs);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * unitMs;
  }
  return text || "0s";
}

/** Writes bytes in the largest decimal unit that loses nothing, so that {@linkcode parseSize} reads them back. */
export function formatSize(sizeBytes: number): string {
  for (const unit of ["TB", "GB", "MB", "KB"] as const) {
    const bytes = SIZE_UNITS[unit];
    if (sizeBytes > 0 && sizeBytes % bytes === 0) return `${sizeBytes / bytes}${unit}`;
  }
  return `${sizeBytes}B`;
}
