/** The routes for programs: `/api`, `/events`, `/metrics`, `/healthz`. */

import {
  type ApiRunDetails,
  type ApiRuns,
  type ApiStatus,
  apiTask,
  type ApiTaskDetails,
  apiTaskDetails,
} from "./api.ts";
import { versionsOfTask } from "./files.ts";
import { idBehind } from "./assets.ts";
import { NO_FILTER, parseFilter } from "./filter.ts";
import { type App, type AppContext, NO_RUN, NO_TASK, taskBehind } from "./routes.ts";
import { MAX_RUNS } from "./source.ts";

/** Adds the routes. */
export function addApi(app: App, context: AppContext): void {
  const { source, clock, metrics, broadcast, version, refuse, mayRead, running } = context;

  app.get("/events", (c) => {
    if (c.req.method === "HEAD") return c.body(null, 200, EVENT_HEADERS);
    const stream = broadcast.streams.open(() => mayRead(c));
    if (stream === null) return refuse(c, 503, "Too many pages are open.");
    return c.body(stream, 200, EVENT_HEADERS);
  });

  app.get("/api/status", async (c) => {
    const filter = parseFilter(new URL(c.req.url).searchParams);
    const request = { filter, perPage: Infinity, running: running() };
    const [{ totals, shown }, [lastRun]] = await Promise.all([
      source.overview(request),
      source.runs(1),
    ]);
    const live = broadcast.live();
    const now = clock.now();
    return c.json(
      {
        version,
        time: now.toString(),
        notices: source.notices(),
        configChangedAt: source.configChangedAt(),
        paused: source.paused(),
        counts: totals.healths,
        running: live && { ...live, bytes: source.progress.bytes },
        lastRun: lastRun ?? null,
        tasks: shown.items.map((task) => apiTask(task, request.running)),
      } satisfies ApiStatus,
    );
  });

  app.get("/api/runs", async (c) => {
    const limit = Number(c.req.query("limit") ?? DEFAULT_RUNS);
    if (!Number.isSafeInteger(limit) || limit < 1) {
      return refuse(c, 400, "limit must be a whole number of at least 1.");
    }
    const runs = await source.runs(Math.min(limit, MAX_RUNS));
    return c.json({ runs } satisfies ApiRuns);
  });

  app.get("/api/runs/*", async (c) => {
    const name = idBehind("/api/runs/", c.req.url);
    const run = (await source.runs(MAX_RUNS)).find((one) => one.run === name);
    if (run === undefined) return refuse(c, 404, NO_RUN);
    return c.json(
      { ...run, results: await source.runResults(run.run) } satisfies ApiRunDetails,
    );
  });

  app.get("/api/tasks/*", async (c) => {
    const task = await taskBehind("/api/tasks/", c, source);
    if (task === null) return refuse(c, 404, NO_TASK);
    const versions = await versionsOfTask(task, source);
    return c.json(apiTaskDetails(task, versions, running()) satisfies ApiTaskDetails);
  });

  app.get("/healthz", async (c) => {
    await source.runs(1);
    return c.text("ok\n");
  });

  app.get("/metrics", async (c) => {
    const request = { filter: NO_FILTER, perPage: Infinity, running: running() };
    const [overview, fleet, [lastRun]] = await Promise.all([
      source.overview(request),
      source.fleet(),
      source.runs(1),
    ]);
    const text = metrics.print({
      overview,
      fleet,
      lastRun: lastRun ?? null,
      live: broadcast.live(),
    });
    return c.body(text, 200, { "content-type": metrics.contentType });
  });
}

/** Runs in a list without a limit. */
const DEFAULT_RUNS = 100;

const EVENT_HEADERS = { "content-type": "text/event-stream", "x-accel-buffering": "no" };
