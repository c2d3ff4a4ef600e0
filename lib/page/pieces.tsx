/** Small things that several pages show. */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { ShownHealth } from "../core/event.ts";
import type { TaskStatus } from "../core/result.ts";
import { escapeControl, relativeTime } from "../report/format.ts";
import { linkable } from "./paths.ts";

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
