/** The data behind the status page: tasks, runs, files and actions, read from state and store. */

import type { ActiveRun, DayRecord, RunRecord, RunTaskResult } from "../state/run_record.ts";
import type { FleetSummary } from "../state/record_index.ts";
import type { Delivery, State } from "../state/state.ts";
import type { Config } from "../config/config.ts";
import { createRedactor } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import { expandTasks } from "../lists/expand.ts";
import type { Store } from "../store/store.ts";
import { commonZone } from "./labels.ts";
import { createLargeOverview, MANY_RECORDS, remembered } from "./large.ts";
import type {
  PageActions,
  PageActivity,
  PageFiles,
  PageNotice,
  PageTask,
  PageVersion,
} from "./model.ts";
import { type Overview, overviewOf, type OverviewRequest } from "./overview.ts";
import type { DatedPageTasks } from "./page_dates.ts";
import { pageTasks, versionsOf } from "./page_task.ts";

export type {
  OpenedFile,
  PageActions,
  PageActivity,
  PageFiles,
  PageNotice,
  PagePausing,
  PageTask,
  PageVersion,
} from "./model.ts";

/** The data that the page renders. */
export interface PageSource extends Omit<PageActivity, "isPaused"> {
  /** All tasks, in the config's order, those with dates as one. Reads every record of them. */
  tasks(): Promise<readonly PageTask[]>;
  /** The tasks that a filter selects, and the sums over all of them. */
  overview(request: OverviewRequest): Promise<Overview>;
  /** The workers that share the state; null if there are none. A few seconds old. */
  fleet(): Promise<FleetSummary | null>;
  /** Whether a task has published a key. */
  isPublished(key: string): Promise<boolean>;
  /** IANA name of the zone of most tasks of the config, for times that belong to no task. */
  timezone(): string;
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
  | "records"
  | "index"
  | "members"
  | "deliveries"
  | "items"
  | "runs"
  | "runResults"
  | "days"
  | "activeRuns"
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

/** All tasks that have been read. */
interface ReadTasks {
  /** The rows of the overview: a task with dates is one row. */
  readonly rows: readonly PageTask[];
  /** Those that have a page and no row: the dates. */
  readonly others: readonly PageTask[];
  /** Tasks with dates; null for a config without. */
  readonly dated: DatedPageTasks | null;
}

/** All tasks at one time. */
interface TaskSnapshot {
  readonly atMs: number;
  readonly tasks: Promise<ReadTasks | null>;
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

  const readTasks = async (opened: PageState): Promise<ReadTasks> => {
    const now = host.clock.now();
    const current = config();
    const redact = redactor(current);
    const tasks = await expandTasks(current, opened, now);
    const records = await opened.records(tasks.map((task) => task.id));
    const lists = current.tasks.some(({ list }) => list !== undefined)
      ? await (await import("../lists/derive.ts"))
        .deriveLists(current.tasks, tasks.filter(({ origin }) => origin?.kind !== "item"), opened)
      : undefined;
    const facts = { now, redact, activity };
    const pages = await pageTasks(tasks, records, facts, lists);
    if (!current.tasks.some(({ dates }) => dates !== undefined)) {
      return { rows: pages, others: [], dated: null };
    }
    const { datedPageTasks, withGroups } = await import("./page_dates.ts");
    const dated = await datedPageTasks(current.tasks, tasks, records, { state: opened, facts });
    const rows = withGroups(current.tasks, tasks, pages, dated);
    return { rows, others: pages, dated };
  };

  const many = createLargeOverview({
    state,
    tasks: async () => {
      const tasks = await expandTasks(config(), await state(), host.clock.now());
      return new Map(tasks.map((task) => [task.id, task]));
    },
    facts: () => ({ now: host.clock.now(), redact: redactor(config()), activity }),
  }, host.clock);

  const readFew = async (): Promise<ReadTasks | null> => {
    const opened = await state();
    return await opened.index?.hasMoreThan(MANY_RECORDS) ? null : await readTasks(opened);
  };

  const fleet = remembered(async () => await (await state()).index?.fleet() ?? null, host.clock);

  const isFresh = ({ atMs, tookMs }: TaskSnapshot): boolean =>
    host.clock.monotonicMs() - atMs <
      Math.max(hasNewEvent ? 0 : SNAPSHOT_MS, tookMs * SNAPSHOT_COST_FACTOR);

  /** All tasks; null if they are too many to be read. */
  const fewTasks = (): Promise<ReadTasks | null> => {
    if (snapshot !== null && isFresh(snapshot)) return snapshot.tasks;
    const atMs = host.clock.monotonicMs();
    hasNewEvent = false;
    const fresh: TaskSnapshot = { atMs, tasks: readFew(), tookMs: 0 };
    snapshot = fresh;
    fresh.tasks.then(
      () => fresh.tookMs = host.clock.monotonicMs() - atMs,
      // The callers receive the rejection; the next call reads again.
      invalidate,
    );
    return fresh.tasks;
  };

  return {
    tasks: async () => (await fewTasks() ?? await readTasks(await state())).rows,
    overview: async (request) => {
      const tasks = await fewTasks();
      return tasks === null
        ? await many.read(request)
        : overviewOf(tasks.rows, request, host.clock.now());
    },
    isPublished: async (key) => {
      const tasks = await fewTasks();
      return tasks === null
        ? await many.isPublished(key)
        : [...tasks.rows, ...tasks.others].some(({ record }) => record?.published?.key === key);
    },
    fleet,
    timezone: () => commonZone(config().tasks.map(({ task }) => task)),
    task: async (id) => {
      const tasks = await fewTasks();
      if (tasks === null) return await many.task(id);
      const { rows, others, dated } = tasks;
      const isMeant = (task: PageTask) => task.id === id;
      return rows.find(isMeant) ?? others.find(isMeant) ?? await dated?.closed(id) ?? null;
    },
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
