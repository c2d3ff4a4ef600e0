/** Components that several pages use. */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { Progress, ShownHealth, TaskProgress } from "../../core/event.ts";
import type { TaskStatus } from "../../core/result.ts";
import { escapeControl } from "../../core/text.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  plural,
  relativeTime,
} from "../../report/format.ts";
import type { AlertTestResult } from "../../report/alerts/test.ts";
import { waitDetails } from "../../report/live_view.ts";
import { linkable, loginPath } from "../assets.ts";
import type { LiveRun } from "../live.ts";
import type { Page } from "../filter.ts";
import { useLinks } from "./links.ts";

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
  pending: "plain",
  skipped: "plain",
  deferred: "warning",
  failed: "bad",
  cancelled: "warning",
};

/** Text from outside, with invisible characters escaped. */
export function shown(text: string): string {
  return escapeControl(text);
}

/** What relative times are relative to, and the zone of exact ones. */
export interface Clock {
  readonly now: Temporal.Instant;
  /** IANA name. */
  readonly zone: string;
}

/** A relative time, with the exact time as its title; in a report an exact one. */
export function When(
  { time, clock: { now, zone } }: { readonly time: string; readonly clock: Clock },
): JSX.Element {
  const exact = exactTime(time, zone);
  const text = useLinks().isStatic
    ? exact.slice(0, "2026-01-15 12:00".length)
    : relativeTime(Temporal.Instant.from(time), now);
  return <time datetime={time} title={exact}>{text}</time>;
}

/** A time as `2026-01-15 12:00:05 UTC`, or `2026-01-15 13:00:05 Europe/Berlin`. */
export function exactTime(time: string, zone: string): string {
  // A page has hundreds of times, and Temporal needs about 20 µs for each.
  if (zone === "UTC" && time.endsWith("Z")) return `${time.slice(0, 19).replace("T", " ")} UTC`;
  const local = Temporal.Instant.from(time).toZonedDateTimeISO(zone).toPlainDateTime();
  return `${local.toString({ smallestUnit: "second" }).replace("T", " ")} ${zone}`;
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

/** A name and its value, in a `dl`. */
export function Fact(
  { name, children }: { readonly name: string; readonly children?: Child },
): JSX.Element {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** The head of a table. Its roles remain where the table is not displayed as one. */
export function TableHead({ columns }: { readonly columns: readonly string[] }): JSX.Element {
  return (
    <thead role="rowgroup">
      <tr role="row">
        {columns.map((column) => <th role="columnheader" scope="col">{column}</th>)}
      </tr>
    </thead>
  );
}

/** Links to the pages of a list; nothing for a single page. */
export function Pager<Item>({ shown, pathOf }: {
  readonly shown: Page<Item>;
  readonly pathOf: (page: number) => string;
}): JSX.Element | null {
  if (shown.pages === 1) return null;
  const link = (page: number, words: string, rel: string) =>
    page >= 1 && page <= shown.pages
      ? <a rel={rel} href={pathOf(page)}>{words}</a>
      : <span class="faint">{words}</span>;
  return (
    <nav class="pager" aria-label="More pages">
      {link(shown.page - 1, "Previous", "prev")}
      <span class="numbers">{shown.page} / {shown.pages}</span>
      {link(shown.page + 1, "Next", "next")}
    </nav>
  );
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

/** What the targets of alerts have answered to a test. */
export function AlertTests(
  { results }: { readonly results: readonly AlertTestResult[] },
): JSX.Element {
  return (
    <>
      <p class="crumbs">
        <a href="/">Tasks</a>
      </p>
      <h1>Test alerts</h1>
      <table class="results" role="table">
        <TableHead columns={["Result", "Target", "Format", "Details"]} />
        <tbody role="rowgroup">
          {results.map(({ alert, target, format, sent, message, hint }) => (
            <tr role="row">
              <td role="cell">
                <Badge tone={sent ? "good" : "bad"}>{sent ? "sent" : "failed"}</Badge>
              </td>
              <td role="cell" class="said">{alert}. {shown(target)}</td>
              <td role="cell" data-label="Format">{format}</td>
              <td role="cell" class="said">
                {[message, hint].flatMap((text) => text ?? []).map(shown).join("; ")}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** Which actions a page offers. */
export type ActionAccess =
  /** None: this process cannot perform them. */
  | "absent"
  /** None: no token is configured. */
  | "unconfigured"
  /** After a login. */
  | "login"
  | "available";

/**
 * A form with a button for each action, or how to get them.
 *
 * @param task Null for all tasks.
 * @param back The path to redirect to.
 * @param canPause Whether pausing is possible, and a task is not paused.
 * @param canResume Whether a task is paused.
 * @param canTestAlerts Whether the config has targets of alerts.
 */
export function Actions({ access, task, back, canPause, canResume, canTestAlerts }: {
  readonly access: ActionAccess;
  readonly task: string | null;
  readonly back: string;
  readonly canPause: boolean;
  readonly canResume: boolean;
  readonly canTestAlerts: boolean;
}): JSX.Element | null {
  switch (access) {
    case "absent":
      return null;
    case "unconfigured":
      return (
        <p class="faint">
          To run and pause tasks here, set the variable <span class="code">CRONFETCH_TOKEN</span>
          {" "}
          of the serving process to a long random text, and log in with it.
        </p>
      );
    case "login":
      return (
        <p class="faint">
          <a href={loginPath(back)}>Log in</a> to run and pause tasks.
        </p>
      );
    case "available": {
      const all = task === null ? " all" : "";
      return (
        <form class="actions" method="post" action="/actions">
          {task !== null && <input type="hidden" name="task" value={task} />}
          <input type="hidden" name="back" value={back} />
          <span class="faint">Actions</span>
          <button type="submit" name="do" value="run">Run{all} now</button>
          {canPause && <button type="submit" name="do" value="pause">Pause{all}</button>}
          {canResume && <button type="submit" name="do" value="resume">Resume{all}</button>}
          {canTestAlerts && (
            <button type="submit" name="do" value="test-alerts">Send a test alert</button>
          )}
        </form>
      );
    }
    default:
      return access satisfies never;
  }
}

/** Running tasks listed by name. */
const SHOWN = 5;

/** The current run; nothing between runs. */
export function RunningRun(
  { run, progress, rateOf, nowMs }: {
    readonly run: LiveRun | null;
    readonly progress: Progress;
    readonly rateOf: RateOf;
    /** Monotonic time. */
    readonly nowMs: number;
  },
): JSX.Element | null {
  const links = useLinks();
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
          {running.map(([id, task]) => (
            <li>
              <a href={links.task(id)}>{shown(id)}</a>
              <TaskTransfer id={id} task={task} bytesPerSecond={rateOf(id)} nowMs={nowMs} />
            </li>
          ))}
          {hidden > 0 && <li class="faint">and {formatCount(hidden)} more</li>}
        </ul>
      )}
    </section>
  );
}

/** Average bytes per second of a running task; null while unknown. */
export type RateOf = (task: string) => number | null;

/** What a running task waits for, or its transfer: bar, bytes of total, rate, and time left. */
export function TaskTransfer({ id, task, bytesPerSecond, nowMs }: {
  readonly id: string;
  readonly task: TaskProgress;
  readonly bytesPerSecond: number | null;
  /** Monotonic time. */
  readonly nowMs: number;
}): JSX.Element {
  const { receivedBytes, totalBytes } = task;
  const [wait] = waitDetails(task, nowMs) ?? [];
  if (wait !== undefined) return <span class="faint">{shown(wait)}</span>;
  const leftMs = totalBytes !== null && bytesPerSecond !== null && receivedBytes > 0
    ? Math.max(0, totalBytes - receivedBytes) / bytesPerSecond * 1000
    : null;
  return (
    <>
      {totalBytes !== null && totalBytes > 0 && (
        <progress aria-label={shown(id)} max={totalBytes} value={receivedBytes}></progress>
      )}
      <span class="numbers">
        {formatBytes(receivedBytes)}
        {totalBytes !== null && ` of ${formatBytes(totalBytes)}`}
        {bytesPerSecond !== null && receivedBytes > 0 && `, ${formatBytes(bytesPerSecond)}/s`}
        {leftMs !== null && `, ${formatDuration(Math.ceil(leftMs / 1000) * 1000)} left`}
      </span>
    </>
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
