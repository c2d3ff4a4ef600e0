/** What the page shows: tasks, their files, and the activity of the serving process. */

import type { Progress, RunEvent, ShownHealth } from "../core/event.ts";
import type { DateReport, ReportedMonth } from "../lists/date_report.ts";
import type { AlertTestResult } from "../report/alerts/test.ts";
import type { TaskRecord } from "../state/state.ts";

/** A task as shown on the page. Holds no secret: URLs and messages are redacted. */
export interface PageTask {
  /** Unique in the config. */
  readonly id: string;
  /** Redacted. */
  readonly url: string;
  /** URLs tried when `url` fails, redacted. */
  readonly mirrors: readonly string[];
  /** Name of the file in the store. */
  readonly key: string;
  /** The schedule as text. */
  readonly schedule: string;
  /** The schedule for people: `Daily at 06:00 (UTC)`. */
  readonly scheduleWords: string;
  /** IANA name of the zone that its times are shown in. */
  readonly timezone: string;
  readonly health: ShownHealth;
  /** Whether the task came due twice since its last success. */
  readonly stale: boolean;
  /** When it becomes or became stale, RFC 3339; null for never. */
  readonly staleFrom: string | null;
  readonly due: boolean;
  /** Next due time after now, RFC 3339; null for never. */
  readonly nextDue: string | null;
  readonly paused: boolean;
  /** Its record in the state, or null. */
  readonly record: TaskRecord | null;
  /** What is derived from it: `12 items, 2 gone`, `18 of 20 dates`; absent for a single file. */
  readonly note?: string;
  /** The items of a list that are not fetched; absent for other tasks, and if it was never read. */
  readonly items?: PageItems;
  /** The dates of a task with `dates`; absent for other tasks. */
  readonly dates?: PageDates;
}

/** The dates of a task with `dates`. */
export interface PageDates extends Pick<DateReport, "since" | "until" | "older"> {
  /** The months of the window, ascending. */
  readonly months: readonly PageMonth[];
  /** The ids of the dates that are not closed. */
  readonly open: readonly string[];
  /** Number of published files, of closed dates too. */
  readonly files: number;
  /** Size of these files. */
  readonly sizeBytes: number;
}

/** The items of a list that are not fetched. */
export interface PageItems {
  /** Those that have disappeared from the list, the latest first. */
  readonly gone: readonly { readonly task: string; readonly goneSince: string }[];
  /** Those that are no tasks, and why. Redacted. */
  readonly leftOut: readonly string[];
}

/** A banner about the serving process, shown on top of every page. */
export interface PageNotice {
  readonly tone: "plain" | "warning";
  /** A sentence. */
  readonly title: string;
  /** Details, a line each. Holds no secret. */
  readonly lines: readonly string[];
}

/** A file of a task's family. Holds no secret. */
export interface PageVersion {
  readonly key: string;
  /**
   * The published file, an earlier one under another name, a kept version, or quarantined content; a
   * member of the published archive, or of an earlier one.
   */
  readonly kind: "current" | "earlier" | "version" | "refused" | "member" | "dropped";
  /** Lower-case hexadecimal, or null if unknown. */
  readonly sha256: string | null;
  readonly sizeBytes: number;
  /** RFC 3339, or null if unknown. */
  readonly publishedAt: string | null;
}

/** A month of a calendar. */
export interface PageMonth extends ReportedMonth {
  /** The dates by status as text, with the ranges of the gaps. */
  readonly label: string;
}

/** An open published file. */
export interface OpenedFile {
  readonly sizeBytes: number;
  /** Must be read to its end or cancelled. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Opens published files for download. */
export interface PageFiles {
  /** Opens the file published under a key; null if there is none. */
  open(key: string): Promise<OpenedFile | null>;
}

/** Actions of a client that has the token. A task of `null` means all tasks. */
export interface PageActions {
  /** Requests a run of some tasks; resolves before the run starts. */
  runNow(tasks: readonly string[] | null): Promise<void>;
  /** Null where a pause would not last, as with several instances. */
  readonly pausing: PagePausing | null;
  /** Sends a test alert to each target of the config. */
  testAlerts(): Promise<readonly AlertTestResult[]>;
}

/** Suspends the schedule of a task, and continues it. */
export interface PagePausing {
  pause(task: string | null): Promise<void>;
  resume(task: string | null): Promise<void>;
}

/** What the serving process does: its current run, its notices, its actions. */
export interface PageActivity {
  /** Progress of the current run. */
  readonly progress: Progress;
  /** Calls `listener` for each event until the returned function is called. */
  subscribe(listener: (event: RunEvent) => void): () => void;
  /** Calls `listener` for any other change until the returned function is called. */
  onChange(listener: () => void): () => void;
  readonly notices: () => readonly PageNotice[];
  /** When the config was last reloaded, RFC 3339; null for never. */
  readonly configChangedAt: () => string | null;
  /** When due tasks are next looked for, RFC 3339; null if that depends on the tasks alone. */
  readonly nextCheckAt: () => string | null;
  /** Whether all tasks are paused. */
  readonly paused: () => boolean;
  isPaused(task: string): boolean;
  /** Null on a read-only page. */
  readonly actions: PageActions | null;
}
