/** What the page shows, and what it may ask for. Whoever serves it provides both. */

import type { Progress, RunEvent, ShownHealth } from "../core/event.ts";
import type { RunRecord, TaskRecord } from "../state/state.ts";

/** A task as the page knows it. Holds no secret: URLs and messages are redacted. */
export interface PageTask {
  /** Unique in the config. */
  readonly id: string;
  /** What is asked for, redacted. */
  readonly url: string;
  /** Asked when that fails, redacted. */
  readonly mirrors: readonly string[];
  /** Name of the file in the store. */
  readonly key: string;
  /** When it runs, in words. */
  readonly schedule: string;
  /** How it fares, in one word. */
  readonly health: ShownHealth;
  /** Whether it came due twice since it last succeeded. */
  readonly stale: boolean;
  /** When it becomes stale, or became so, RFC 3339; null for never. */
  readonly staleFrom: string | null;
  /** Whether it is due now. */
  readonly due: boolean;
  /** When it comes due after now, RFC 3339; null for never. */
  readonly nextDue: string | null;
  /** Whether somebody paused it. */
  readonly paused: boolean;
  /** What is remembered of it, or null. */
  readonly record: TaskRecord | null;
}

/** Something that whoever looks at the page must know of the process that serves it. */
export interface PageNotice {
  /** How bad it is. */
  readonly tone: "plain" | "warning";
  /** A sentence. */
  readonly title: string;
  /** More of it, a line each. Holds no secret. */
  readonly lines: readonly string[];
}

/** A published file, open. */
export interface OpenedFile {
  /** Size in bytes. */
  readonly sizeBytes: number;
  /** Its bytes; to be read or cancelled. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Reads published files. */
export interface PageFiles {
  /** Opens what is published under a key; null if nothing is. */
  open(key: string): Promise<OpenedFile | null>;
}

/** What a visitor with the token may do. `null` stands for all tasks. */
export interface PageActions {
  /** Runs tasks as soon as possible. Does not wait for them. */
  runNow(tasks: readonly string[] | null): Promise<void>;
  /** Lets a task, or all, no longer run by its schedule. */
  pause(task: string | null): Promise<void>;
  /** Ends that. */
  resume(task: string | null): Promise<void>;
}

/** Everything the page is a function of. */
export interface PageSource {
  /** The tasks of the config in its order, as they are now. */
  tasks(): Promise<readonly PageTask[]>;
  /** One of them, or null. */
  task(id: string): Promise<PageTask | null>;
  /** The recent runs, the newest first, at most `limit`. */
  runs(limit: number): Promise<readonly RunRecord[]>;
  /** The numbers that move, of the run that goes on now. */
  readonly progress: Progress;
  /** Tells of events as they happen, until the returned function is called. */
  subscribe(listener: (event: RunEvent) => void): () => void;
  /** Tells when anything else has changed, until the returned function is called. */
  onChange(listener: () => void): () => void;
  /** What is to be said above everything else. */
  readonly notices: () => readonly PageNotice[];
  /** When another config came into force, RFC 3339; null: never. */
  readonly configChangedAt: () => string | null;
  /** Whether all tasks are paused. */
  readonly paused: () => boolean;
  /** Null: files cannot be downloaded here. */
  readonly files: PageFiles | null;
  /** Null: nothing can be done here but looking. */
  readonly actions: PageActions | null;
}
