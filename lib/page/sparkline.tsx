/** Small pictures of numbers: recent values, and how old something is. */

import type { JSX } from "hono/jsx/jsx-runtime";
/** Size of a drawing, in its own units and in pixels. */
const WIDTH = 60;
const HEIGHT = 18;
const MOST_BARS = 10;
const STEP = WIDTH / MOST_BARS;

/**
 * Bars from the oldest to the newest value, the highest as high as the drawing. With fewer than
 * two values there is nothing to compare.
 *
 * @param name What the values are: `Duration`.
 * @param values The oldest first; the last ten are drawn.
 * @param format A value for people.
 */
export function Sparkline({ name, values, format }: {
  readonly name: string;
  readonly values: readonly number[];
  readonly format: (value: number) => string;
}): JSX.Element {
  const drawn = values.slice(-MOST_BARS);
  if (drawn.length < 2) return <span class="spark empty"></span>;
  const highest = Math.max(...drawn, Number.MIN_VALUE);
  const left = (MOST_BARS - drawn.length) * STEP;
  const range = `${format(Math.min(...drawn))} to ${format(Math.max(...drawn))}`;
  const label = `${name} of the last ${drawn.length}: ${range}, newest ${
    format(drawn.at(-1) ?? 0)
  }`;
  return (
    <svg
      class="spark"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
    >
      <title>{label}</title>
      {drawn.map((value, index) => {
        const height = round(Math.max(1, value / highest * HEIGHT));
        return (
          <rect
            class={index === drawn.length - 1 ? "newest" : undefined}
            x={round(left + index * STEP)}
            y={round(HEIGHT - height)}
            width={STEP - 2}
            height={height}
          />
        );
      })}
    </svg>
  );
}

/** From this share of the time on people should know. */
export const NEARLY_STALE = 0.75;

/**
 * How much of the time from a success to staleness has passed.
 *
 * @param share 0 is fresh, 1 and more is stale.
 */
export function AgeBar({ share }: { readonly share: number }): JSX.Element {
  const tone = share >= 1 ? "bad" : share > NEARLY_STALE ? "warning" : "good";
  return (
    <svg
      class={`age ${tone}`}
      aria-hidden="true"
      viewBox="0 0 60 3"
      width="60"
      height="3"
      preserveAspectRatio="none"
    >
      <rect class="whole" x="0" y="0" width="60" height="3" />
      <rect
        class="part"
        x="0"
        y="0"
        width={round(Math.min(1, Math.max(0.03, share)) * 60)}
        height="3"
      />
    </svg>
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
