/** Components that several pages use. */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { Progress, ShownHealth } from "../core/event.ts";
import type { TaskStatus } from "../core/result.ts";
import { escapeControl } from "../core/text.ts";
import { formatBytes, formatCount, plural, relativeTime } from "../report/format.ts";
import { linkable, taskPath } from "./assets.ts";
import type { LiveRun } from "./live.ts";

/** Severity. It selects colour and icon; the text always carries the meaning too. */
export type Tone = "good" | "plain" | "warning" | "bad";

const HEALTH_TONES: Readonly<Record<ShownHealth, Tone>> = {
  new: "plain",
  healthy: "good",
  stale: "warning",
  failing: "warning",
  unhealthy: "bad",
};

const STATUS_TONES: Readonly<Record<TaskStatus, Tone>> = {
  created: "good",
  updated: "good",
  unchanged: "plain",
  skipped: "plain",
  deferred: "warning",
  failed: "bad",
  cancelled: "warning",
};

/** Text from outside, with invisible characters escaped. */
export function shown(text: string): string {
  return escapeControl(text);
}

/** A relative time, with the exact time as its title. */
export function When(
  { time, now }: { readonly time: string; readonly now: Temporal.Instant },
): JSX.Element {
  const instant = Temporal.Instant.from(time);
  return <time datetime={time} title={exactTime(time)}>{relativeTime(instant, now)}</time>;
}

/** A time as `2026-01-15 12:00:05 UTC`. */
export function exactTime(time: string): string {
  const text = Temporal.Instant.from(time).toString({ smallestUnit: "second" });
  return text.replace("T", " ").replace("Z", " UTC");
}

/** An icon whose shape differs by tone, so that colour is not needed to distinguish them. */
export function Sign({ tone }: { readonly tone: Tone }): JSX.Element {
  return (
    <svg class={`sign ${tone}`} viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
      {tone === "good" && <circle cx="5" cy="5" r="4" />}
      {tone === "plain" && <circle class="hollow" cx="5" cy="5" r="3.25" />}
      {tone === "warning" && <path d="M5 .8 9.6 9.2H.4z" />}
      {tone === "bad" && <path d="M1 1h8v8H1z" />}
    </svg>
  );
}

/** A label with its icon. */
export function Badge(
  { tone, children }: { readonly tone: Tone; readonly children?: Child },
): JSX.Element {
  return (
    <span class={`badge ${tone}`}>
      <Sign tone={tone} />
      {children}
    </span>
  );
}

/** The health of a task. */
export function HealthBadge({ health }: { readonly health: ShownHealth }): JSX.Element {
  return <Badge tone={HEALTH_TONES[health]}>{health}</Badge>;
}

/** The status of a result. */
export function StatusBadge({ status }: { readonly status: TaskStatus }): JSX.Element {
  return <Badge tone={STATUS_TONES[status]}>{status}</Badge>;
}

/** A URL, as a link if {@linkcode linkable}. */
export function Address({ url }: { readonly url: string }): JSX.Element {
  const href = linkable(url);
  const text = <span class="code">{shown(url)}</span>;
  return href === null ? text : <a href={href} rel="noreferrer noopener">{text}</a>;
}

/**
 * Explains why there is no content.
 *
 * @param isPage Whether it is the page's only content.
 */
export function Notice(
  { title, isPage = false, children }: {
    readonly title: string;
    readonly isPage?: boolean;
    readonly children?: Child;
  },
): JSX.Element {
  return (
    <div class="notice">
      {isPage ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  );
}

/**
 * A form with a button for each action. The token is entered each time and sent in the body of a
 * POST: a cookie would allow cross-site request forgery.
 *
 * @param task Null for all tasks.
 * @param back The path to redirect to.
 * @param canPause Whether a task is not paused.
 * @param canResume Whether a task is paused.
 */
export function ActionForm({ task, back, canPause, canResume }: {
  readonly task: string | null;
  readonly back: string;
  readonly canPause: boolean;
  readonly canResume: boolean;
}): JSX.Element {
  const all = task === null ? " all" : "";
  return (
    <form class="actions" method="post" action="/actions">
      {task !== null && <input type="hidden" name="task" value={task} />}
      <input type="hidden" name="back" value={back} />
      <input
        class="hidden"
        type="text"
        name="user"
        value="cronfetch"
        autocomplete="username"
        hidden
      />
      <label for="token">Token</label>
      <input
        id="token"
        type="password"
        name="token"
        required
        autocomplete="current-password"
        aria-describedby="token-help"
      />
      <button type="submit" name="do" value="run">Run{all} now</button>
      {canPause && <button type="submit" name="do" value="pause">Pause{all}</button>}
      {canResume && <button type="submit" name="do" value="resume">Resume{all}</button>}
      <p id="token-help" class="faint">
        The value of CRONFETCH_TOKEN of the serving process. Tasks stay paused until they are
        resumed or cronfetch restarts.
      </p>
    </form>
  );
}

/** Running tasks listed by name. */
const SHOWN = 5;

/** The current run; nothing between runs. */
export function RunningRun(
  { run, progress }: { readonly run: LiveRun | null; readonly progress: Progress },
): JSX.Element | null {
  if (run === null) return null;
  const running = [...progress.running].slice(0, SHOWN);
  const hidden = progress.running.size - running.length;
  return (
    <section class="running" aria-labelledby="running-title">
      <h2 id="running-title">Run in progress</h2>
      <p class="numbers">
        {formatCount(run.finished)} of {plural(run.tasks, "task")}
        {run.failed > 0 && <span class="bad">, {formatCount(run.failed)} failed</span>},{" "}
        {formatBytes(progress.bytes)} received
      </p>
      <progress aria-labelledby="running-title" max={Math.max(1, run.tasks)} value={run.finished}>
      </progress>
      {running.length > 0 && (
        <ul>
          {running.map(([id, { receivedBytes, totalBytes }]) => (
            <li>
              <a href={taskPath(id)}>{shown(id)}</a>
              {totalBytes !== null && totalBytes > 0 && (
                <progress aria-label={shown(id)} max={totalBytes} value={receivedBytes}></progress>
              )}
              <span class="numbers">
                {formatBytes(receivedBytes)}
                {totalBytes !== null && ` of ${formatBytes(totalBytes)}`}
              </span>
            </li>
          ))}
          {hidden > 0 && <li class="faint">and {formatCount(hidden)} more</li>}
        </ul>
      )}
    </section>
  );
}

/** Size of a sparkline, in its own units and in pixels. */
const WIDTH = 60;
const HEIGHT = 18;
const MOST_BARS = 10;
const STEP = WIDTH / MOST_BARS;

/**
 * A bar chart of recent values, scaled to the highest one; empty for fewer than two values.
 *
 * @param name What the values are: `Duration`.
 * @param values Oldest first; the last ten are drawn.
 * @param format Formats a value.
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

/** Share of the time to staleness from which the page shows a warning. */
export const NEARLY_STALE = 0.75;

/**
 * A bar of the elapsed share of the time from a success to staleness.
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
