/** The status page: a function from requests to responses over a `PageSource`. */

import { type Context, Hono } from "hono";
import type { Child } from "hono/jsx";
import manifest from "../../deno.json" with { type: "json" };
import { CronfetchError } from "../core/errors.ts";
import type { Clock, Timers } from "../core/host.ts";
import { answerAction } from "./actions.ts";
import { ActionForm, Notice, RunningRun, shown } from "./components.tsx";
import {
  type ApiError,
  type ApiRuns,
  type ApiStatus,
  apiTask,
  type ApiTaskDetails,
  apiTaskDetails,
  healthCounts,
} from "./api.ts";
import { answerAsset, assets, idBehind } from "./assets.ts";
import { createAttemptLimiter, isLoopbackHost, secure, withUrl } from "./security.ts";
import { createBroadcast } from "./live.ts";
import { filterQuery, filterTasks, paginate, parseFilter, TASKS_PER_PAGE } from "./filter.ts";
import { Notices, page, type Section } from "./layout.tsx";
import { createMetrics } from "./metrics.ts";
import { Counts, FilterForm, Headline, TaskTable, titleOf } from "./overview.tsx";
import { RunPage, RunsPage } from "./runs.tsx";
import type { PageSource, PageTask } from "./source.ts";
import { TaskPage } from "./task.tsx";

/** Options of {@linkcode createPage}. */
export interface PageOptions {
  /** For relative times. */
  readonly clock: Clock;
  /** For live updates and the delay after a wrong token. */
  readonly timers: Timers;
  /** The token that actions require; null makes the page read-only. */
  readonly token: string | null;
  /** Whether to refuse requests whose host is no loopback name, against DNS rebinding. */
  readonly isLoopback: boolean;
}

/** A page to serve. */
export interface StatusPage {
  /** Handles a request. Never rejects. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Closes the event streams; an open one would keep the server from shutting down. */
  close(): Promise<void>;
}

/** The state keeps at most this many runs; see `State.addRun`. */
const MAX_RUNS = 100;

/** Creates the page. It subscribes to the source until it is closed. */
export function createPage(source: PageSource, options: PageOptions): StatusPage {
  const { clock, timers, token, isLoopback } = options;
  const metrics = createMetrics(manifest.version);
  const { progress } = source;
  const closing = new AbortController();
  const limiter = createAttemptLimiter({ clock, timers, closing: closing.signal });
  const broadcast = createBroadcast(source, {
    timers,
    render: (run) => `${<RunningRun run={run} progress={progress} />}`,
    listener: metrics.count,
  });
  const isActive = token !== null && source.actions !== null;
  const running = (): ReadonlySet<string> => new Set(progress.running.keys());

  const layout = (title: string, section: Section, content: Child) =>
    page({
      title,
      section,
      context: { version: manifest.version, assets, now: clock.now() },
      content: (
        <>
          <div id="notices" role="status" data-live>
            <Notices notices={source.notices()} />
          </div>
          {content}
        </>
      ),
    });

  const refuse = (c: Context, status: keyof typeof TITLES, message: string) => {
    if (new URL(c.req.url).pathname.startsWith("/api/")) {
      return c.json({ error: message } satisfies ApiError, status);
    }
    const content = (
      <Notice title={TITLES[status]} isPage>
        <p>{shown(message)}</p>
        <p>
          <a href="/">All tasks</a>
        </p>
      </Notice>
    );
    return c.html(layout(`${TITLES[status]} · cronfetch`, null, content), status);
  };

  const app = new Hono();

  app.use(async (c, next) => {
    const { hostname } = new URL(c.req.url);
    if (isLoopback && !isLoopbackHost(hostname)) {
      c.res = refuse(c, 421, "This page is served for localhost and loopback addresses only.");
    } else {
      await next();
    }
    secure(c.res.headers);
  });

  app.get("/", async (c) => {
    const filter = parseFilter(new URL(c.req.url).searchParams);
    const [tasks, [lastRun]] = await Promise.all([source.tasks(), source.runs(1)]);
    const facts = {
      tasks,
      filter,
      running: running(),
      shown: paginate(filterTasks(tasks, filter, running()), filter.page, TASKS_PER_PAGE),
      lastRun: lastRun ?? null,
      paused: source.paused(),
      configChangedAt: source.configChangedAt(),
      now: clock.now(),
    };
    const content = (
      <>
        <div id="headline" data-live>
          <Headline {...facts} />
        </div>
        <div id="progress" data-live>
          <RunningRun run={broadcast.live()} progress={progress} />
        </div>
        {tasks.length > 0 && (
          <div class="tools">
            <div id="counts" data-live>
              <Counts {...facts} />
            </div>
            <FilterForm filter={filter} />
          </div>
        )}
        <div id="tasks" data-live>
          <TaskTable {...facts} />
        </div>
        {isActive && (
          <section aria-labelledby="actions-title">
            <h2 id="actions-title">All tasks</h2>
            <ActionForm
              task={null}
              back={`/${filterQuery(filter)}`}
              canPause={tasks.some((task) => !task.paused)}
              canResume={tasks.some((task) => task.paused)}
            />
          </section>
        )}
      </>
    );
    return c.html(layout(titleOf(tasks), "tasks", content));
  });

  app.get("/tasks/*", async (c) => {
    const task = await taskIn(c, "/tasks/");
    if (task === null) return refuse(c, 404, "The config has no such task.");
    const content = (
      <TaskPage
        task={task}
        isRunning={progress.running.has(task.id)}
        isDownloadable={source.files !== null}
        isActive={isActive}
        now={clock.now()}
      />
    );
    return c.html(layout(`${shown(task.id)} · cronfetch`, null, content));
  });

  const taskIn = async (c: Context, prefix: string): Promise<PageTask | null> => {
    const id = idBehind(prefix, c.req.url);
    return id === null ? null : await source.task(id);
  };

  app.get("/runs", async (c) => {
    const runs = await source.runs(MAX_RUNS);
    return c.html(layout("Runs · cronfetch", "runs", <RunsPage runs={runs} now={clock.now()} />));
  });

  app.get("/runs/*", async (c) => {
    const name = idBehind("/runs/", c.req.url);
    const runs = await source.runs(MAX_RUNS);
    const run = runs.find((one) => one.run === name);
    if (!run) return refuse(c, 404, "There is no such run in the state.");
    const results = (await source.tasks()).flatMap(({ id, record }) => {
      const result = record?.results.find((one) => one.run === run.run);
      return result ? [{ task: id, result }] : [];
    });
    const order = { failed: 0, cancelled: 1, deferred: 2, created: 3, updated: 4 };
    const rank = (status: string) => Object.hasOwn(order, status) ? order[status as "failed"] : 9;
    const sorted = results.toSorted((a, b) => rank(a.result.status) - rank(b.result.status));
    const content = <RunPage run={run} results={sorted} now={clock.now()} />;
    return c.html(layout("Run · cronfetch", "runs", content));
  });

  app.get("/files/*", async (c) => await answerFile(c.req.raw, source) ?? refuse(c, 404, NO_FILE));

  app.get("/events", (c) => {
    if (c.req.method === "HEAD") return c.body(null, 200, EVENT_HEADERS);
    const stream = broadcast.streams.open();
    if (stream === null) return refuse(c, 503, "Too many pages are open.");
    return c.body(stream, 200, EVENT_HEADERS);
  });

  app.get("/api/status", async (c) => {
    const filter = parseFilter(new URL(c.req.url).searchParams);
    const [tasks, [lastRun]] = await Promise.all([source.tasks(), source.runs(1)]);
    const live = broadcast.live();
    return c.json(
      {
        version: manifest.version,
        time: clock.now().toString(),
        notices: source.notices(),
        configChangedAt: source.configChangedAt(),
        paused: source.paused(),
        counts: healthCounts(tasks),
        running: live && { ...live, bytes: progress.bytes },
        lastRun: lastRun ?? null,
        tasks: filterTasks(tasks, filter, running()).map((task) => apiTask(task, running())),
      } satisfies ApiStatus,
    );
  });

  app.get("/api/runs", async (c) => {
    const limit = Number(c.req.query("limit") ?? MAX_RUNS);
    if (!Number.isSafeInteger(limit) || limit < 1) {
      return refuse(c, 400, "limit must be a whole number of at least 1.");
    }
    const runs = await source.runs(Math.min(limit, MAX_RUNS));
    return c.json({ runs } satisfies ApiRuns);
  });

  app.get("/api/tasks/*", async (c) => {
    const task = await taskIn(c, "/api/tasks/");
    if (task === null) return refuse(c, 404, "The config has no such task.");
    return c.json(apiTaskDetails(task, running()) satisfies ApiTaskDetails);
  });

  app.get("/healthz", async (c) => {
    await source.runs(1);
    return c.text("ok\n");
  });

  app.get("/metrics", async (c) => {
    const [tasks, [lastRun]] = await Promise.all([source.tasks(), source.runs(1)]);
    const text = metrics.print({ tasks, lastRun: lastRun ?? null, live: broadcast.live() });
    return c.body(text, 200, { "content-type": metrics.contentType });
  });

  app.get("/robots.txt", (c) => c.text("User-agent: *\nDisallow: /\n"));

  app.get("/:asset", async (c, next) => answerAsset(c.req.param("asset")) ?? await next());

  app.post("/actions", async (c) => {
    if (!isActive || source.actions === null) return refuse(c, 404, NO_PAGE);
    const { actions } = source;
    const answer = await answerAction(c.req.raw, { source, actions, token, limiter });
    if (answer instanceof Response) {
      broadcast.changed();
      return answer;
    }
    const { status, message, retryAfterSeconds } = answer;
    if (retryAfterSeconds !== undefined) c.header("retry-after", `${retryAfterSeconds}`);
    return refuse(c, status, message);
  });

  app.all("*", (c) => {
    const { method } = c.req;
    const isAction = isActive && new URL(c.req.url).pathname === "/actions";
    if (!isAction && ["GET", "HEAD"].includes(method)) return refuse(c, 404, NO_PAGE);
    c.header("allow", isAction ? "POST" : "GET, HEAD");
    return refuse(c, 405, `${method} is not supported here.`);
  });

  app.onError((error, c) => {
    // The message of an unexpected error may contain anything, secrets included.
    const isExpected = error instanceof CronfetchError;
    return isExpected
      ? refuse(c, 503, `${error.message}.`)
      : refuse(c, 500, "This is a bug in cronfetch.");
  });

  return {
    fetch: withUrl((request) => app.fetch(request)),
    close: () => {
      closing.abort();
      broadcast.close();
      return Promise.resolve();
    },
  };
}

const NO_PAGE = "There is no such page.";
const NO_FILE = "There is no such file, or downloads are disabled.";

const TITLES = {
  400: "Bad request",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  421: "Wrong host",
  429: "Too many attempts",
  500: "Internal error",
  503: "Unavailable",
} as const;

const EVENT_HEADERS = { "content-type": "text/event-stream", "x-accel-buffering": "no" };

/**
 * Serves a file that a task of the config published, and nothing else in the store. The browser
 * saves it and never renders it, so that foreign HTML cannot run on this origin.
 *
 * @returns Null if there is no such file, or downloads are disabled.
 */
export async function answerFile(
  request: Request,
  source: Pick<PageSource, "files" | "tasks">,
): Promise<Response | null> {
  const key = idBehind("/files/", request.url);
  if (source.files === null || key === null) return null;
  const tasks = await source.tasks();
  const published = tasks.map(({ record }) => record?.published ?? null)
    .find((one) => one?.key === key);
  if (!published) return null;
  const file = await source.files.open(published.key);
  if (file === null) return null;
  const headers = {
    "content-type": "application/octet-stream",
    "content-disposition": "attachment",
    "content-length": `${file.sizeBytes}`,
  };
  if (request.method !== "HEAD") return new Response(file.body, { headers });
  await file.body.cancel();
  return new Response(null, { headers });
}
