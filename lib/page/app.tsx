/** The status page: a function from requests to answers, over what a source tells. */

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
import { answerFile } from "./files.ts";
import { filterQuery, filterTasks, paginate, parseFilter, TASKS_PER_PAGE } from "./filter.ts";
import { Notices, page, type Section } from "./layout.tsx";
import { createMetrics } from "./metrics.ts";
import { Counts, FilterForm, Headline, TaskTable, titleOf } from "./overview.tsx";
import { RunPage, RunsPage } from "./runs.tsx";
import type { PageSource, PageTask } from "./source.ts";
import { TaskPage } from "./task.tsx";

/** How a page is served. */
export interface PageOptions {
  /** Tells what time the ages are held against. */
  readonly clock: Clock;
  /** For the pauses between live updates, and those after wrong tokens. */
  readonly timers: Timers;
  /** What a visitor must know to do something; null: nobody can do anything. */
  readonly token: string | null;
  /** Answers only who asked for this machine by a loopback name. */
  readonly isLoopback: boolean;
}

/** A page that can be served. */
export interface StatusPage {
  /** Answers a request. Never rejects. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Ends the live streams, without which a server does not shut down. */
  close(): Promise<void>;
}

/** Runs that are remembered at most; see `State.addRun`. */
const MAX_RUNS = 100;

/** Makes the page. It follows the source's events from now on, until it is closed. */
export function createPage(source: PageSource, options: PageOptions): StatusPage {
  const { clock, timers, token, isLoopback } = options;
  const metrics = createMetrics(manifest.version);
  const { progress } = source;
  const closing = new AbortController();
  const brake = createAttemptLimiter({ clock, timers, closing: closing.signal });
  const broadcast = createBroadcast(source, {
    timers,
    picture: (run) => `${<RunningRun run={run} progress={progress} />}`,
    listener: metrics.count,
  });
  const isActive = token !== null && source.actions !== null;
  const running = (): ReadonlySet<string> => new Set(progress.running.keys());

  const draw = (title: string, section: Section, content: Child) =>
    page({
      title,
      section,
      around: { version: manifest.version, assets, now: clock.now() },
      content: (
        <>
          <div id="notices" role="status" data-live>
            <Notices notices={source.notices()} />
          </div>
          {content}
        </>
      ),
    });

  const refusal = (c: Context, status: keyof typeof TITLES, words: string) => {
    if (new URL(c.req.url).pathname.startsWith("/api/")) {
      return c.json({ error: words } satisfies ApiError, status);
    }
    const content = (
      <Notice title={TITLES[status]} isPage>
        <p>{shown(words)}</p>
        <p>
          <a href="/">All tasks</a>
        </p>
      </Notice>
    );
    return c.html(draw(`${TITLES[status]} · cronfetch`, null, content), status);
  };

  const app = new Hono();

  app.use(async (c, next) => {
    const { hostname } = new URL(c.req.url);
    if (isLoopback && !isLoopbackHost(hostname)) {
      c.res = refusal(c, 421, "This page answers to localhost and its addresses only.");
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
    return c.html(draw(titleOf(tasks), "tasks", content));
  });

  app.get("/tasks/*", async (c) => {
    const task = await asked(c, "/tasks/");
    if (task === null) return refusal(c, 404, "The config has no such task.");
    const content = (
      <TaskPage
        task={task}
        isRunning={progress.running.has(task.id)}
        isDownloadable={source.files !== null}
        isActive={isActive}
        now={clock.now()}
      />
    );
    return c.html(draw(`${shown(task.id)} · cronfetch`, null, content));
  });

  const asked = async (c: Context, prefix: string): Promise<PageTask | null> => {
    const id = idBehind(prefix, c.req.url);
    return id === null ? null : await source.task(id);
  };

  app.get("/runs", async (c) => {
    const runs = await source.runs(MAX_RUNS);
    return c.html(draw("Runs · cronfetch", "runs", <RunsPage runs={runs} now={clock.now()} />));
  });

  app.get("/runs/*", async (c) => {
    const name = idBehind("/runs/", c.req.url);
    const runs = await source.runs(MAX_RUNS);
    const run = runs.find((one) => one.run === name);
    if (!run) return refusal(c, 404, "No such run is remembered.");
    const results = (await source.tasks()).flatMap(({ id, record }) => {
      const result = record?.results.find((one) => one.run === run.run);
      return result ? [{ task: id, result }] : [];
    });
    const order = { failed: 0, cancelled: 1, deferred: 2, created: 3, updated: 4 };
    const rank = (status: string) => Object.hasOwn(order, status) ? order[status as "failed"] : 9;
    const sorted = results.toSorted((a, b) => rank(a.result.status) - rank(b.result.status));
    const content = <RunPage run={run} results={sorted} now={clock.now()} />;
    return c.html(draw("Run · cronfetch", "runs", content));
  });

  app.get("/files/*", async (c) => await answerFile(c.req.raw, source) ?? refusal(c, 404, NO_FILE));

  app.get("/events", (c) => {
    if (c.req.method === "HEAD") return c.body(null, 200, EVENT_HEADERS);
    const stream = broadcast.streams.open();
    if (stream === null) return refusal(c, 503, "Too many pages are open.");
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
      return refusal(c, 400, "limit must be a whole number of at least 1.");
    }
    const runs = await source.runs(Math.min(limit, MAX_RUNS));
    return c.json({ runs } satisfies ApiRuns);
  });

  app.get("/api/tasks/*", async (c) => {
    const task = await asked(c, "/api/tasks/");
    if (task === null) return refusal(c, 404, "The config has no such task.");
    return c.json(apiTaskDetails(task, running()) satisfies ApiTaskDetails);
  });

  app.get("/healthz", async (c) => {
    await source.runs(1);
    return c.text("ok\n");
  });

  app.get("/metrics", async (c) => {
    const [tasks, [lastRun]] = await Promise.all([source.tasks(), source.runs(1)]);
    const text = await metrics.print({ tasks, lastRun: lastRun ?? null, live: broadcast.live() });
    return c.body(text, 200, { "content-type": metrics.contentType });
  });

  app.get("/robots.txt", (c) => c.text("User-agent: *\nDisallow: /\n"));

  app.get("/:asset", async (c, next) => answerAsset(c.req.param("asset")) ?? await next());

  app.post("/actions", async (c) => {
    if (!isActive || source.actions === null) return refusal(c, 404, NO_PAGE);
    const { actions } = source;
    const answer = await answerAction(c.req.raw, { source, actions, token, brake });
    if (answer instanceof Response) {
      broadcast.changed();
      return answer;
    }
    const { status, words, retryAfterSeconds } = answer;
    if (retryAfterSeconds !== undefined) c.header("retry-after", `${retryAfterSeconds}`);
    return refusal(c, status, words);
  });

  app.all("*", (c) => {
    const { method } = c.req;
    const isAction = isActive && new URL(c.req.url).pathname === "/actions";
    if (!isAction && ["GET", "HEAD"].includes(method)) return refusal(c, 404, NO_PAGE);
    c.header("allow", isAction ? "POST" : "GET, HEAD");
    return refusal(c, 405, `${method} is not possible here.`);
  });

  app.onError((error, c) => {
    // What is no error of ours may name anything.
    const words = error instanceof CronfetchError ? `${error.message}.` : "This is a bug.";
    return refusal(c, error instanceof CronfetchError ? 503 : 500, words);
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

const NO_PAGE = "There is nothing under this address.";
const NO_FILE = "There is no such file, or files are not given out here.";

const TITLES = {
  400: "That cannot be read",
  403: "Not allowed",
  404: "Not found",
  405: "Not possible",
  421: "Another host",
  429: "Too many attempts",
  500: "Something is broken",
  503: "Not now",
} as const;

const EVENT_HEADERS = { "content-type": "text/event-stream", "x-accel-buffering": "no" };
