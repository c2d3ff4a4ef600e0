/** The data behind the status page: tasks, runs, files and actions, read from state and store. */

import type { Progress, RunEvent, ShownHealth } from "../core/event.ts";
import type { ActiveRun, DayRecord, RunRecord, RunTaskResult } from "../state/run_record.ts";
import type { Delivery, FamilyMember, State, TaskRecord } from "../state/state.ts";
import type { Config } from "../config/config.ts";
import { createRedactor, redactUrl } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import type { Task } from "../core/task.ts";
import { expandTasks } from "../lists/expand.ts";
import type { Store } from "../store/store.ts";
import type { AlertTestResult } from "../report/alerts/test.ts";
import { taskHealth } from "../report/task_health.ts";

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

/** The data that the page renders. */
export interface PageSource extends Omit<PageActivity, "isPaused"> {
  /** All tasks, in the config's order. */
  tasks(): Promise<readonly PageTask[]>;
  /** One task, or null. */
  task(id: string): Promise<PageTask | null>;
  /** The files of tasks, by id: the published one, then the others, newest first. */
  versions(tasks: readonly PageTask[]): Promise<ReadonlyMap<string, readonly PageVersion[]>>;
  /** The changes that the hooks of a task have not received, oldest first. */
  deliveries(task: PageTask): Promise<readonly Delivery[]>;
  /** The recent runs, newest first, at most `limit`. */
  runs(limit: number): Promise<readonly RunRecord[]>;
  /** The recorded results of a run. */
  runResults(run: string): Promise<readonly RunTaskResult[]>;
  /** What happened on recent days, newest first, at most `limit`. */
  days(limit: number): Promise<readonly DayRecord[]>;
  /** The runs in progress, also of other processes. */
  activeRuns(): Promise<readonly ActiveRun[]>;
  /** Null if files cannot be downloaded. */
  readonly files: PageFiles | null;
  /** Number of targets of alerts in the config. */
  alertTargets(): number;
}

/** A process that only shows the state written by other processes. */
export const NO_ACTIVITY: PageActivity = {
  progress: { bytes: 0, running: new Map() },
  subscribe: () => () => {},
  onChange: () => () => {},
  notices: () => [],
  configChangedAt: () => null,
  nextCheckAt: () => null,
  paused: () => false,
  isPaused: () => false,
  actions: null,
};

/** The part of a state that the page reads. */
export type PageState = Pick<
  State,
  "records" | "members" | "deliveries" | "items" | "runs" | "runResults" | "days" | "activeRuns"
>;

/** The part of a store that the page reads. */
export type PageStore = Pick<Store, "stat" | "read">;

/** What {@linkcode createPageSource} reads from. */
export interface PageBackend {
  /** The current config; another one after a reload. */
  readonly config: () => Config;
  /** The state that is open now. */
  readonly state: () => Promise<PageState>;
  /** Source of downloads, if the config allows them; null for none. */
  readonly store: PageStore | null;
  readonly activity: PageActivity;
  /** Values to redact, besides the config's secrets. */
  readonly secrets: readonly string[];
}

/** The state keeps at most this many runs; see `State.addRun`. */
export const MAX_RUNS = 1_000;

/** Age up to which a snapshot is served if no event arrived since. */
const SNAPSHOT_MS = 1_000;
/** A snapshot is always served for this many times its own cost, so that reads stay below 10 %. */
const SNAPSHOT_COST_FACTOR = 9;

/** All tasks at one time. */
interface TaskSnapshot {
  readonly atMs: number;
  readonly tasks: Promise<readonly PageTask[]>;
  /** Time spent reading it; 0 until then. */
  tookMs: number;
}

/** Creates the source of a page. Its values are redacted; concurrent reads share one snapshot. */
export function createPageSource(
  { config, state, store, activity, secrets }: PageBackend,
  host: Pick<Host, "clock">,
): PageSource {
  let snapshot: TaskSnapshot | null = null;
  let hasNewEvent = false;
  const invalidate = () => snapshot = null;
  activity.subscribe(({ type }) => {
    hasNewEvent = true;
    // The last event of a run: no later one would trigger a fresh read.
    if (type === "run.finished") invalidate();
  });
  activity.onChange(invalidate);

  const redactor = (current: Config) => createRedactor([...current.secrets, ...secrets]);

  const readTasks = async (): Promise<readonly PageTask[]> => {
    const now = host.clock.now();
    const current = config();
    const redact = redactor(current);
    const opened = await state();
    const tasks = await expandTasks(current, opened, now);
    const records = await opened.records(tasks.map((task) => task.id));
    // Loaded only now: its package would take a third of the start of `serve`.
    const { scheduleWords } = await import("./schedule_words.ts");
    return tasks.map((task): PageTask => ({
      ...pageTask(task, records.get(task.id), { now, redact, activity }),
      scheduleWords: scheduleWords(task.schedule, task.timezone),
    }));
  };

  const isFresh = ({ atMs, tookMs }: TaskSnapshot): boolean =>
    host.clock.monotonicMs() - atMs <
      Math.max(hasNewEvent ? 0 : SNAPSHOT_MS, tookMs * SNAPSHOT_COST_FACTOR);

  const tasks = (): Promise<readonly PageTask[]> => {
    if (snapshot !== null && isFresh(snapshot)) return snapshot.tasks;
    const atMs = host.clock.monotonicMs();
    hasNewEvent = false;
    const fresh: TaskSnapshot = { atMs, tasks: readTasks(), tookMs: 0 };
    snapshot = fresh;
    fresh.tasks.then(
      () => fresh.tookMs = host.clock.monotonicMs() - atMs,
      // The callers receive the rejection; the next call reads again.
      invalidate,
    );
    return fresh.tasks;
  };

  return {
    tasks,
    task: async (id) => (await tasks()).find((task) => task.id === id) ?? null,
    versions: async (tasks) => {
      const members = await (await state()).members(tasks.map(({ id }) => id));
      const redact = redactor(config());
      return new Map(tasks.map((task) => {
        // A name with a secret could not be shown or linked.
        const isShown = ({ key }: PageVersion) => redact(key) === key;
        return [task.id, versionsOf(task, members.get(task.id) ?? []).filter(isShown)];
      }));
    },
    deliveries: async ({ id }): Promise<readonly Delivery[]> => {
      const redact = redactor(config());
      return ((await (await state()).deliveries([id])).get(id) ?? []).map((delivery) => {
        const { message } = delivery;
        return { ...delivery, message: message && redact(message) };
      });
    },
    runs: async (limit): Promise<readonly RunRecord[]> => {
      const redact = redactor(config());
      return (await (await state()).runs(limit)).map((run) =>
        run.error === undefined ? run : { ...run, error: redact(run.error) }
      );
    },
    runResults: async (run): Promise<readonly RunTaskResult[]> => {
      const redact = redactor(config());
      return (await (await state()).runResults(run)).map((result): RunTaskResult => ({
        ...result,
        message: result.message === null ? null : redact(result.message),
      }));
    },
    days: async (limit): Promise<readonly DayRecord[]> => await (await state()).days(limit),
    activeRuns: async (): Promise<readonly ActiveRun[]> => await (await state()).activeRuns(),
    progress: activity.progress,
    subscribe: activity.subscribe,
    onChange: activity.onChange,
    notices: () => {
      const notices = activity.notices();
      if (notices.length === 0) return notices;
      const redact = redactor(config());
      return notices.map((notice): PageNotice => ({ ...notice, lines: notice.lines.map(redact) }));
    },
    configChangedAt: activity.configChangedAt,
    nextCheckAt: activity.nextCheckAt,
    paused: activity.paused,
    alertTargets: () => config().alerts.length,
    actions: activity.actions && invalidatingActions(activity.actions, invalidate),
    get files() {
      return config().page.downloads && store !== null ? openableFiles(store) : null;
    },
  };
}

/** Actions that invalidate the snapshot, so that the next read shows their effect. */
function invalidatingActions(actions: PageActions, invalidate: () => void): PageActions {
  const after = async (done: Promise<void>) => {
    await done;
    invalidate();
  };
  const { pausing } = actions;
  return {
    runNow: (tasks) => after(actions.runNow(tasks)),
    testAlerts: actions.testAlerts,
    pausing: pausing && {
      pause: (task) => after(pausing.pause(task)),
      resume: (task) => after(pausing.resume(task)),
    },
  };
}

function pageTask(
  task: Task,
  record: TaskRecord | undefined,
  { now, redact, activity }: {
    readonly now: Temporal.Instant;
    readonly redact: (text: string) => string;
    readonly activity: PageActivity;
  },
): Omit<PageTask, "scheduleWords"> {
  const { health, stale, staleFrom, due, nextDue, schedule } = taskHealth(task, record, now);
  return {
    ...{ id: task.id, key: redact(task.key), schedule, health, stale, staleFrom, due, nextDue },
    url: redactUrl(redact(task.url)),
    timezone: task.timezone,
    mirrors: task.mirrors.map((mirror) => redactUrl(redact(mirror))),
    paused: activity.paused() || activity.isPaused(task.id),
    record: record ? redactedRecord(record, redact) : null,
  };
}

/**
 * Records are written redacted, but a later config may declare further secrets, and a server may
 * choose a name with one.
 */
function redactedRecord(record: TaskRecord, redact: (text: string) => string): TaskRecord {
  const { published, results } = record;
  const redactOrNull = (text: string | null) => text === null ? null : redact(text);
  return {
    ...record,
    part: null,
    published: published && {
      ...published,
      key: redact(published.key),
      source: redact(published.source),
      etag: redactOrNull(published.etag),
      lastModified: redactOrNull(published.lastModified),
    },
    results: results.map((result) => ({ ...result, message: redactOrNull(result.message) })),
  };
}

/** The files of a task. Pure. */
function versionsOf({ record }: PageTask, members: readonly FamilyMember[]): PageVersion[] {
  const published = record?.published ?? null;
  // Of an archive, perhaps only the members are published.
  const isStored = published !== null && published.unpacked?.isPublished !== false;
  const current: PageVersion[] = !isStored ? [] : [{
    key: published.key,
    kind: "current",
    sha256: published.sha256,
    sizeBytes: published.sizeBytes,
    publishedAt: record?.publishedAt ?? null,
  }];
  const others = members
    .flatMap(({ kind, ...member }): PageVersion[] => {
      // A file without a time is only a claim on its name.
      if (member.key === published?.key || member.publishedAt === null) return [];
      return [{ ...member, kind: kind === "file" ? "earlier" : kind }];
    })
    .toSorted((one, other) => (other.publishedAt ?? "") < (one.publishedAt ?? "") ? -1 : 1);
  return [...current, ...others];
}

/** Opens published files; reading starts when the body is read. */
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
    // A file removed since `stat` ends early; the client detects it by the content length.
    for await (const piece of await store.read(key, stop.signal) ?? []) yield piece.slice();
  } finally {
    stop.abort();
  }
}
