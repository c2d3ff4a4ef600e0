/** The recent results of a task as a strip of bars. */

import type { JSX } from "hono/jsx/jsx-runtime";
import { TASK_STATUSES, type TaskStatus } from "../../core/result.ts";
import { formatCount, plural } from "../../report/format.ts";
import { type Outcome, OUTCOMES_KEPT } from "../../state/outcomes.ts";
import { exactTime, shown } from "./components.tsx";

/**
 * How a status is drawn; the style sheet repeats the heights. They differ, so that colour is not needed
 * to distinguish them.
 */
const BARS: Readonly<
  Record<TaskStatus, { readonly class: string | undefined; readonly height: number }>
> = {
  created: { class: "new", height: 13 },
  updated: { class: "new", height: 13 },
  unchanged: { class: undefined, height: 6 },
  skipped: { class: undefined, height: 6 },
  pending: { class: "late", height: 9 },
  deferred: { class: "late", height: 9 },
  cancelled: { class: "late", height: 9 },
  failed: { class: "bad", height: 18 },
};

const HEIGHT = 18;
/** Distance between two bars; each is two wide. */
const STEP = 3;

/** Consecutive outcomes that are equal except for their times. */
interface Span {
  readonly newest: Outcome;
  readonly oldest: Outcome;
  readonly count: number;
}

/**
 * Draws the last results, the newest on the right. Each bar has its result and time as a title;
 * equal results in a row share one.
 *
 * @param outcomes Newest first.
 * @param zone The zone of the times.
 */
export function Strip(
  { outcomes, zone }: { readonly outcomes: readonly Outcome[]; readonly zone: string },
): JSX.Element {
  const drawn = outcomes.slice(0, OUTCOMES_KEPT);
  if (drawn.length === 0) return <span class="faint">none yet</span>;
  const width = drawn.length * STEP;
  let right = width;
  return (
    <svg
      class="strip"
      role="img"
      aria-label={label(drawn)}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width={width}
      height={HEIGHT}
    >
      {spansOf(drawn).map((span) => {
        const bar = BARS[span.newest.status];
        right -= span.count * STEP;
        const y = HEIGHT - bar.height / 2;
        return (
          <path
            class={bar.class}
            d={`M${right} ${y}h${span.count * STEP - 1}`}
          >
            <title>{spanTitle(span, zone)}</title>
          </path>
        );
      })}
    </svg>
  );
}

function spansOf(outcomes: readonly Outcome[]): Span[] {
  const spans: Span[] = [];
  for (const outcome of outcomes) {
    const last = spans.at(-1);
    const isEqual = last?.newest.status === outcome.status && last.newest.code === outcome.code;
    if (last !== undefined && isEqual) {
      spans[spans.length - 1] = { ...last, oldest: outcome, count: last.count + 1 };
    } else spans.push({ newest: outcome, oldest: outcome, count: 1 });
  }
  return spans;
}

function spanTitle({ newest, oldest, count }: Span, zone: string): string {
  const what = newest.code === null ? newest.status : `${newest.status}: ${shown(newest.code)}`;
  const end = exactTime(newest.at, zone);
  if (count === 1) return `${what}, ${end}`;
  return `${plural(count, "time")} ${what}, ${exactTime(oldest.at, zone).slice(0, 19)} to ${end}`;
}

function label(outcomes: readonly Outcome[]): string {
  const counts = TASK_STATUSES.map((status) =>
    [status, outcomes.filter((outcome) => outcome.status === status).length] as const
  );
  const words = counts.filter(([, count]) => count > 0)
    .map(([status, count]) => `${formatCount(count)} ${status}`).join(", ");
  return `Last ${plural(outcomes.length, "result")}: ${words}; newest ${outcomes[0]?.status}`;
}

/** The bars that the legend explains. */
const LEGEND: readonly (readonly [status: TaskStatus, words: string])[] = [
  ["failed", "failed"],
  ["updated", "changed"],
  ["deferred", "deferred, pending or cancelled"],
  ["unchanged", "unchanged"],
];

/** What the bars mean. */
export function StripLegend(): JSX.Element {
  return (
    <p class="legend faint">
      Results, the newest on the right:
      {LEGEND.map(([status, words]) => {
        const { class: name, height } = BARS[status];
        return (
          <span>
            <svg class="strip" aria-hidden="true" viewBox="0 0 2 18" width="2" height="18">
              <path class={name} d={`M0 ${HEIGHT - height / 2}h2`} />
            </svg>{" "}
            {words}
          </span>
        );
      })}
    </p>
  );
}
