/** A status page over a source that the test controls. */

import type { Progress, RunEvent, RunOccurrence } from "../../lib/core/event.ts";
import { createPage, type StatusPage } from "../../lib/page/app.tsx";
import type { PageActions, PageNotice, PageSource, PageTask } from "../../lib/page/source.ts";
import type { RunRecord } from "../../lib/state/state.ts";
import { type TestHost, testHost, type TestHostOptions } from "../helpers/host.ts";
import { record } from "../state/samples.ts";

/** Data of the page. */
export interface SiteOptions {
  readonly tasks?: readonly PageTask[];
  readonly runs?: readonly RunRecord[];
  /** Contents by key. Default: null, downloads are disabled. */
  readonly files?: Readonly<Record<string, string>> | null;
  readonly token?: string | null;
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
    pause: (task) => note(`pause ${task ?? "all"}`),
    resume: (task) => note(`resume ${task ?? "all"}`),
  };
  const files = options.files ?? null;
  const source: PageSource = {
    tasks: () => read(tasks),
    task: (id) => read(tasks.find((task) => task.id === id) ?? null),
    runs: (limit) => read(runs.slice(0, limit)),
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
    paused: () => tasks.every((task) => task.paused),
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
    token: options.token ?? null,
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
