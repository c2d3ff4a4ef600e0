/** Small things that several pages show. */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { Progress, ShownHealth } from "../core/event.ts";
import type { TaskStatus } from "../core/result.ts";
import { escapeControl, formatBytes, formatCount, plural, relativeTime } from "../report/format.ts";
import { linkable, taskPath } from "./assets.ts";
import type { LiveRun } from "./live.ts";

/** How bad something is: decides about colour and sign, never alone. */
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

/** Text from outside, with what is hidden in it spelled out. */
export function shown(text: string): string {
  return escapeControl(text);
}

/** A time as distance from now; the exact one on pointing at it. */
export function When(
  { time, now }: { readonly time: string; readonly now: Temporal.Instant },
): JSX.Element {
  const instant = Temporal.Instant.from(time);
  return <time datetime={time} title={exactTime(time)}>{relativeTime(instant, now)}</time>;
}

/** A time for reading: `2026-01-15 12:00:05 UTC`. */
export function exactTime(time: string): string {
  const text = Temporal.Instant.from(time).toString({ smallestUnit: "second" });
  return text.replace("T", " ").replace("Z", " UTC");
}

/** A sign of its own shape for each tone, for those to whom colours are alike. */
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

/** A word with its sign. */
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

/** How a task fares. */
export function HealthBadge({ health }: { readonly health: ShownHealth }): JSX.Element {
  return <Badge tone={HEALTH_TONES[health]}>{health}</Badge>;
}

/** What became of a task in a run. */
export function StatusBadge({ status }: { readonly status: TaskStatus }): JSX.Element {
  return <Badge tone={STATUS_TONES[status]}>{status}</Badge>;
}

/** A URL; a link where it leads to the web and nothing in it is masked. */
export function Address({ url }: { readonly url: string }): JSX.Element {
  const href = linkable(url);
  const text = <span class="code">{shown(url)}</span>;
  return href === null ? text : <a href={href} rel="noreferrer noopener">{text}</a>;
}

/**
 * Says that there is nothing to show, and why.
 *
 * @param isPage Whether that is all there is on the page.
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
 * One form with a button for each thing to do. The token is asked for each time and goes into the
 * body of a POST: there is no cookie that another page could ride on.
 *
 * @param task Null for all tasks.
 * @param back Where to go afterwards.
 * @param canPause Whether something is not paused.
 * @param canResume Whether something is.
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
        The value of CRONFETCH_TOKEN where this page is served. What is paused stays so until it is
        resumed, or cronfetch is started anew.
      </p>
    </form>
  );
}

/** Running tasks shown by name. */
const SHOWN = 5;

/** What is inside of the place where a run is shown; nothing while none goes on. */
export function RunningRun(
  { run, progress }: { readonly run: LiveRun | null; readonly progress: Progress },
): JSX.Element | null {
  if (run === null) return null;
  const running = [...progress.running].slice(0, SHOWN);
  const hidden = progress.running.size - running.length;
  return (
    <section class="running" aria-labelledby="running-title">
      <h2 id="running-title">A run is going on</h2>
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
