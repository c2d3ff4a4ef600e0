/** What the page shows, and what it may ask for. Whoever serves it provides both. */

import type { Progress, RunEvent, ShownHealth } from "../core/event.ts";
import type { RunRecord, State, TaskRecord } from "../state/state.ts";
import { type Config, tasksOf } from "../config/config.ts";
import { createRedactor, redactUrl } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import type { Task } from "../core/task.ts";
import type { Store } from "../store/store.ts";
import { taskHealth } from "../report/task_health.ts";

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

/** What goes on while the page is served, as far as the page can see it or ask it for something. */
export interface PageActivity extends
  Pick<
    PageSource,
    "progress" | "subscribe" | "onChange" | "notices" | "configChangedAt" | "paused"
  > {
  /** Whether a task is paused. */
  isPaused(task: string): boolean;
  /** Null: nothing can be asked for. */
  readonly actions: PageActions | null;
}

/** Nothing goes on: the page shows what others have done. */
export const NO_ACTIVITY: PageActivity = {
  progress: { bytes: 0, running: new Map() },
  subscribe: () => () => {},
  onChange: () => () => {},
  notices: () => [],
  configChangedAt: () => null,
  paused: () => false,
  isPaused: () => false,
  actions: null,
};

/** As much of a state as the page needs. */
export type PageState = Pick<State, "records" | "runs">;

/** As much of a store as the page needs. */
export type PageStore = Pick<Store, "stat" | "read">;

/** What the page is about. */
export interface PageBackend {
  /** The config in force; another one once it has been edited. */
  readonly config: () => Config;
  /** The state as it is now. */
  readonly state: () => Promise<PageState>;
  /** Where files are given out from, if the config allows it; null for nowhere. */
  readonly store: PageStore | null;
  /** What goes on. */
  readonly activity: PageActivity;
  /** Values that must not be shown, besides the config's. */
  readonly secrets: readonly string[];
}

/** How long a look at the state is good where nothing was heard since. */
const SNAPSHOT_MS = 1_000;
/** And in any case for as many times as long as it took, however much happens meanwhile. */
const SNAPSHOT_COST_FACTOR = 9;

/** All tasks at one time. */
interface TaskSnapshot {
  readonly atMs: number;
  readonly tasks: Promise<readonly PageTask[]>;
  /** 0 until it is known. */
  tookMs: number;
}

/** Makes the source of a page. Everything that leaves it is redacted. */
export function createPageSource(subject: PageBackend, host: Pick<Host, "clock">): PageSource {
  const { config, state, activity: work, secrets } = subject;
  let look: TaskSnapshot | null = null;
  let hasHeard = false;
  const forget = () => look = null;
  work.subscribe(({ type }) => {
    hasHeard = true;
    // Nothing may follow it that would make somebody look again.
    if (type === "run.finished") forget();
  });
  work.onChange(forget);

  const redactor = (current: Config) => createRedactor([...current.secrets, ...secrets]);

  const lookNow = async (): Promise<readonly PageTask[]> => {
    const now = host.clock.now();
    const current = config();
    const redact = redactor(current);
    const tasks = tasksOf(current, now);
    const records = await (await state()).records(tasks.map((task) => task.id));
    return tasks.map((task) => pageTask(task, records.get(task.id), { now, redact, work }));
  };

  const isGood = ({ atMs, tookMs }: TaskSnapshot): boolean =>
    host.clock.monotonicMs() - atMs <
      Math.max(hasHeard ? 0 : SNAPSHOT_MS, tookMs * SNAPSHOT_COST_FACTOR);

  const tasks = (): Promise<readonly PageTask[]> => {
    if (look !== null && isGood(look)) return look.tasks;
    const atMs = host.clock.monotonicMs();
    hasHeard = false;
    const fresh: TaskSnapshot = { atMs, tasks: lookNow(), tookMs: 0 };
    look = fresh;
    fresh.tasks.then(
      () => fresh.tookMs = host.clock.monotonicMs() - atMs,
      // It is told to whoever waits for it; the next one looks again.
      forget,
    );
    return fresh.tasks;
  };

  return {
    tasks,
    task: async (id) => (await tasks()).find((task) => task.id === id) ?? null,
    runs: async (limit): Promise<readonly RunRecord[]> => await (await state()).runs(limit),
    progress: work.progress,
    subscribe: work.subscribe,
    onChange: work.onChange,
    notices: () => {
      const notices = work.notices();
      if (notices.length === 0) return notices;
      const redact = redactor(config());
      return notices.map((notice): PageNotice => ({ ...notice, lines: notice.lines.map(redact) }));
    },
    configChangedAt: work.configChangedAt,
    paused: work.paused,
    actions: work.actions && invalidatingActions(work.actions, forget),
    get files() {
      const { store } = subject;
      return config().page.downloads && store !== null ? openableFiles(store) : null;
    },
  };
}

/** Actions after which one looks again. */
function invalidatingActions(actions: PageActions, forget: () => void): PageActions {
  const after = async (done: Promise<void>) => {
    await done;
    forget();
  };
  return {
    runNow: (tasks) => after(actions.runNow(tasks)),
    pause: (task) => after(actions.pause(task)),
    resume: (task) => after(actions.resume(task)),
  };
}

function pageTask(
  task: Task,
  record: TaskRecord | undefined,
  { now, redact, work }: {
    readonly now: Temporal.Instant;
    readonly redact: (text: string) => string;
    readonly work: PageActivity;
  },
): PageTask {
  const { health, stale, staleFrom, due, nextDue, schedule } = taskHealth(task, record, now);
  return {
    ...{ id: task.id, key: redact(task.key), schedule, health, stale, staleFrom, due, nextDue },
    url: redactUrl(redact(task.url)),
    mirrors: task.mirrors.map((mirror) => redactUrl(redact(mirror))),
    paused: work.paused() || work.isPaused(task.id),
    record: record ? redactedRecord(record, redact) : null,
  };
}

/** Records hold no secret when they are written; but what is one may have become known since. */
function redactedRecord(record: TaskRecord, redact: (text: string) => string): TaskRecord {
  const { published, results } = record;
  const redactOrNull = (text: string | null) => text === null ? null : redact(text);
  return {
    ...record,
    part: null,
    published: published && {
      ...published,
      source: redact(published.source),
      etag: redactOrNull(published.etag),
      lastModified: redactOrNull(published.lastModified),
    },
    results: results.map((result) => ({ ...result, message: redactOrNull(result.message) })),
  };
}

/** Reads published files. Nothing is read of one before somebody reads what was opened. */
function openableFiles(store: PageStore): PageFiles {
  return {
    open: async (key) => {
      const found = await store.stat(key);
      return found &&
        { sizeBytes: found.sizeBytes, body: ReadableStream.from(readFile(store, key)) };
    },
  };
}

async function* readFile(store: PageStore, key: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const stop = new AbortController();
  try {
    // What has vanished meanwhile ends early, which the announced size gives away.
    for await (const piece of await store.read(key, stop.signal) ?? []) yield piece.slice();
  } finally {
    stop.abort();
  }
}
