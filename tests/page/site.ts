/** A status page over a source that the test controls. */

import type { AlertTestResult } from "../../lib/report/alerts/test.ts";
import type { Progress, RunEvent, RunOccurrence } from "../../lib/core/event.ts";
import { commonZone } from "../../lib/page/labels.ts";
import { overviewOf } from "../../lib/page/overview.ts";
import { createPage, type StatusPage } from "../../lib/page/app.tsx";
import type {
  PageActions,
  PageNotice,
  PageSource,
  PageTask,
  PageVersion,
} from "../../lib/page/source.ts";
import type { ActiveRun, DayRecord, RunRecord, RunTaskResult } from "../../lib/state/run_record.ts";
import type { FleetSummary } from "../../lib/state/record_index.ts";
import type { Delivery } from "../../lib/state/state.ts";
import { type TestHost, testHost, type TestHostOptions } from "../helpers/host.ts";
import { record } from "../state/samples.ts";

/** Data of the page. */
export interface SiteOptions {
  readonly tasks?: readonly PageTask[];
  readonly runs?: readonly RunRecord[];
  /** Contents by key. Default: null, downloads are disabled. */
  readonly files?: Readonly<Record<string, string>> | null;
  /** Versions by task id. Default: the published file. */
  readonly versions?: Readonly<Record<string, readonly PageVersion[]>>;
  /** Changes that hooks have not received, by task id. Default: none. */
  readonly deliveries?: Readonly<Record<string, readonly Delivery[]>>;
  /** Results by run. Default: none. */
  readonly runResults?: Readonly<Record<string, readonly RunTaskResult[]>>;
  readonly days?: readonly DayRecord[];
  /** Runs of other processes. Default: none. */
  readonly activeRuns?: readonly ActiveRun[];
  /** The workers that share the state. Default: none. */
  readonly fleet?: FleetSummary;
  readonly token?: string | null;
  readonly viewToken?: string | null;
  /** Whether tasks can be paused. Default: true. */
  readonly canPause?: boolean;
  /** Results of test alerts. Default: no target. */
  readonly alertTests?: readonly AlertTestResult[];
  /** When due tasks are next looked for. Default: unknown. */
  readonly nextCheckAt?: string;
  /** Whether the source has actions. Default: true. */
  readonly isActive?: boolean;
  readonly isLoopback?: boolean;
  /** When the config was reloaded. Default: never. */
  readonly configChangedAt?: string;
  readonly host?: TestHostOptions;
  /** Rejection of every read of the state. */
  readonly failure?: Error;
}

/** A page and the controls of its source. */
export interface Site extends AsyncDisposable {
  readonly page: StatusPage;
  readonly host: TestHost;
  readonly progress: Progress;
  /** The actions performed, as text. */
  readonly done: string[];
  /** Number of subscriptions to the source. */
  readonly listeners: () => number;
  /** Replaces tasks and runs. */
  set(tasks: readonly PageTask[], runs?: readonly RunRecord[]): void;
  /** Replaces the notices and signals a change. */
  notice(...notices: readonly PageNotice[]): void;
  /** Emits an event. */
  emit(occurrence: RunOccurrence): void;
  /** Sends a request: a path or an absolute URL. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** The body of a response that must have status 200. */
  text(path: string): Promise<string>;
}

/** The origin of the page. */
export const ORIGIN = "http://127.0.0.1:8788";

/** A healthy task. */
export function pageTask(id: string, change: Partial<PageTask> = {}): PageTask {
  return {
    id,
    url: `https://example.org/${encodeURIComponent(id.toWellFormed())}`,
    mirrors: [],
    key: id,
    schedule: "0 6 * * * (UTC)",
    scheduleWords: "Daily at 06:00 (UTC)",
    timezone: "UTC",
    health: "healthy",
    stale: false,
    staleFrom: "2026-01-17T06:00:00Z",
    due: false,
    nextDue: "2026-01-16T06:00:00Z",
    paused: false,
    record: record(id),
    ...change,
  };
}

function publishedVersion({ record }: PageTask): PageVersion[] {
  if (!record?.published) return [];
  const { key, sha256, sizeBytes } = record.published;
  return [{ key, kind: "current", sha256, sizeBytes, publishedAt: record.publishedAt }];
}

/** Creates a page; disposing of the site closes it. */
export function site(options: SiteOptions = {}): Site {
  const host = testHost({ timers: "manual", ...options.host });
  const progress: Progress = { bytes: 0, running: new Map() };
  const listeners = new Set<(event: RunEvent) => void>();
  const changeListeners = new Set<() => void>();
  let notices: readonly PageNotice[] = [];
  const done: string[] = [];
  let tasks = options.tasks ?? [pageTask("a.csv")];
  let runs = options.runs ?? [];
  const read = <T>(value: T): Promise<T> =>
    options.failure ? Promise.reject(options.failure) : Promise.resolve(value);
  const note = (text: string) => Promise.resolve(void done.push(text));
  const actions: PageActions = {
    runNow: (names) => note(`run ${names?.join() ?? "all"}`),
    pausing: options.canPause === false ? null : {
      pause: (task) => note(`pause ${task ?? "all"}`),
      resume: (task) => note(`resume ${task ?? "all"}`),
    },
    testAlerts: async () => {
      await note("test alerts");
      return options.alertTests ?? [];
    },
  };
  const files = options.files ?? null;
  const source: PageSource = {
    tasks: () => read(tasks),
    overview: (request) => read(overviewOf(tasks, request, host.clock.now())),
    fleet: () => read(options.fleet ?? null),
    isPublished: (key) => read(tasks.some(({ record }) => record?.published?.key === key)),
    timezone: () => commonZone(tasks),
    task: (id) => read(tasks.find((task) => task.id === id) ?? null),
    versions: (tasks) =>
      read(
        new Map(tasks.map((task) => [
          task.id,
          options.versions?.[task.id] ?? publishedVersion(task),
        ])),
      ),
    deliveries: ({ id }) => read(options.deliveries?.[id] ?? []),
    runs: (limit) => read(runs.slice(0, limit)),
    runResults: (run) => read(options.runResults?.[run] ?? []),
    days: (limit) => read((options.days ?? []).slice(0, limit)),
    activeRuns: () => read(options.activeRuns ?? []),
    progress,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onChange: (listener) => {
      changeListeners.add(listener);
      return () => void changeListeners.delete(listener);
    },
    notices: () => notices,
    configChangedAt: () => options.configChangedAt ?? null,
    nextCheckAt: () => options.nextCheckAt ?? null,
    paused: () => tasks.every((task) => task.paused),
    alertTargets: () => options.alertTests?.length ?? 0,
    files: files && {
      open: (key) => {
        const text = files[key];
        if (text === undefined) return Promise.resolve(null);
        const blob = new Blob([text]);
        return Promise.resolve({ sizeBytes: blob.size, body: blob.stream() });
      },
    },
    actions: options.isActive === false ? null : actions,
  };
  const page = createPage(source, {
    clock: host.clock,
    timers: host.timers,
    tokens: { control: options.token ?? null, view: options.viewToken ?? null },
    isLoopback: options.isLoopback ?? true,
  });
  const ask: Site["ask"] = (path, init) => page.fetch(new Request(new URL(path, ORIGIN), init));
  return {
    page,
    host,
    progress,
    done,
    listeners: () => listeners.size + changeListeners.size,
    notice: (...others) => {
      notices = others;
      for (const listener of [...changeListeners]) listener();
    },
    set: (newTasks, newRuns = runs) => {
      tasks = newTasks;
      runs = newRuns;
    },
    emit: (occurrence) => {
      const { type, ...rest } = occurrence;
      const event = { type, time: host.clock.now().toString(), run: "run-9", ...rest } as RunEvent;
      for (const listener of [...listeners]) listener(event);
    },
    ask,
    text: async (path) => {
      const response = await ask(path);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
      return text;
    },
    [Symbol.asyncDispose]: () => page.close(),
  };
}

/** Logs in with a token. Returns the header `Cookie` of the session. */
export async function logIn(at: Site, token = "an unguessable token"): Promise<string> {
  const response = await at.ask("/login", {
    method: "POST",
    body: new URLSearchParams({ token }),
    headers: { origin: ORIGIN },
  });
  await response.body?.cancel();
  const [cookie = ""] = (response.headers.get("set-cookie") ?? "").split(";");
  return cookie;
}
