/** The routes for people: overview, task, difference, runs, run, downloads. */

import { STATUS_ORDER } from "../report/lines.ts";
import { TASK_STATUSES } from "../core/result.ts";
import type { RecordedAttempt, RunTaskResult } from "../state/run_record.ts";
import { answerFile, readPreview, versionsOfTask, versionsToCompare } from "./files.ts";
import { idBehind, taskPath } from "./assets.ts";
import {
  filterQuery,
  paginate,
  parseFilter,
  parsePage,
  parseText,
  tasksPerPage,
} from "./filter.ts";
import {
  type App,
  type AppContext,
  type AppRequest,
  NO_RUN,
  NO_TASK,
  taskBehind,
} from "./routes.ts";
import type { TaskTotals } from "./overview.ts";
import { MAX_RUNS, type PageSource, type PageTask } from "./source.ts";
import { Actions, RunningRun, shown } from "./views/components.tsx";
import { Fleet } from "./views/fleet.tsx";
import { Counts, FilterForm, Headline, titleOf } from "./views/overview.tsx";
import { TaskTable } from "./views/task_table.tsx";
import { type ResultFilter, RunPage, RunsPage } from "./views/runs.tsx";
import { TaskBody, TaskHead } from "./views/task.tsx";
import { DiffPage } from "./views/versions.tsx";

/** Rows on a page of runs or of results. */
const ROWS = 100;
/** Days below the runs. */
const DAYS = 14;

/** Adds the routes. */
export function addPages(app: App, context: AppContext): void {
  const { source, clock, broadcast, layout, refuse, compare, actionAccess, running } = context;
  const { progress } = source;

  const actionsFor = (
    c: AppRequest,
    task: string | null,
    back: string,
    { tasks, conditions: { paused } }: Pick<TaskTotals, "tasks"> & {
      readonly conditions: Pick<TaskTotals["conditions"], "paused">;
    },
  ) => {
    const canPause = source.actions !== null && source.actions.pausing !== null;
    return (
      <section class="act" aria-label="Actions">
        <Actions
          access={actionAccess(c)}
          task={task}
          back={back}
          canPause={canPause && paused < tasks}
          canResume={canPause && paused > 0}
          canTestAlerts={task === null && source.alertTargets() > 0}
        />
      </section>
    );
  };

  app.get("/", async (c) => {
    const filter = parseFilter(new URL(c.req.url).searchParams);
    const request = { filter, perPage: tasksPerPage(filter), running: running() };
    const [overview, fleet, [lastRun], activeRuns] = await Promise.all([
      source.overview(request),
      source.fleet(),
      source.runs(1),
      source.activeRuns(),
    ]);
    const { totals } = overview;
    const now = clock.now();
    const facts = {
      ...overview,
      filter,
      running: request.running,
      timezone: source.timezone(),
      lastRun: lastRun ?? null,
      // The run of this process has a section of its own.
      otherRuns: activeRuns.filter(({ run }) => run !== broadcast.live()?.run),
      paused: source.paused(),
      configChangedAt: source.configChangedAt(),
      nextCheckAt: source.nextCheckAt(),
      canRun: actionAccess(c) === "available",
      now,
    };
    const content = (
      <>
        <div id="headline" data-live>
          <Headline {...facts} />
        </div>
        {fleet !== null && (
          <div id="fleet" data-live>
            <Fleet fleet={fleet} clock={{ now, zone: facts.timezone }} />
          </div>
        )}
        {totals.tasks > 0 && actionsFor(c, null, `/${filterQuery(filter)}`, totals)}
        <div id="progress" data-live>
          <RunningRun
            run={broadcast.live()}
            progress={progress}
            rateOf={broadcast.rateOf}
            nowMs={clock.monotonicMs()}
          />
        </div>
        {totals.tasks > 0 && (
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
      </>
    );
    return c.html(layout(c, titleOf(facts), "tasks", content));
  });

  app.get("/tasks/*", async (c) => {
    const task = await taskBehind("/tasks/", c, source);
    if (task === null) return refuse(c, 404, NO_TASK);
    const [versions, preview, attempts, outbox] = await Promise.all([
      versionsOfTask(task, source),
      readPreview(source, task),
      attemptsOf(task, source),
      source.deliveries(task),
    ]);
    const facts = {
      ...{ task, versions, preview, attempts, outbox },
      transfer: progress.running.get(task.id) ?? null,
      bytesPerSecond: broadcast.rateOf(task.id),
      nowMs: clock.monotonicMs(),
      isDownloadable: source.files !== null,
      now: clock.now(),
    };
    const content = (
      <>
        <div id="task-head" data-live data-refresh={facts.transfer ? "true" : undefined}>
          <TaskHead {...facts} />
        </div>
        <div id="task-actions" data-live>
          {actionsFor(c, task.id, taskPath(task.id), {
            tasks: 1,
            conditions: { paused: Number(task.paused) },
          })}
        </div>
        <div id="task" data-live>
          <TaskBody {...facts} />
        </div>
      </>
    );
    return c.html(layout(c, `${shown(task.id)} · cronfetch`, null, content));
  });

  app.get("/diff", async (c) => {
    const { searchParams } = new URL(c.req.url);
    const id = searchParams.get("task");
    const task = id === null ? null : await source.task(id);
    if (task === null) return refuse(c, 404, NO_TASK);
    const pair = versionsToCompare(await versionsOfTask(task, source), searchParams);
    if (pair === null) return refuse(c, 404, "The task has no such files to compare.");
    const diff = await compare(pair.older, pair.newer);
    const content = (
      <DiffPage {...{ task, ...pair, diff, clock: { now: clock.now(), zone: task.timezone } }} />
    );
    return c.html(layout(c, `Changes of ${shown(task.id)} · cronfetch`, null, content));
  });

  app.get("/runs", async (c) => {
    const [runs, days] = await Promise.all([source.runs(MAX_RUNS), source.days(DAYS)]);
    const listed = paginate(runs, parsePage(c.req.query("page") ?? null), ROWS);
    const content = (
      <div id="runs" data-live>
        <RunsPage
          shown={listed}
          days={days}
          clock={{ now: clock.now(), zone: source.timezone() }}
        />
      </div>
    );
    return c.html(layout(c, "Runs · cronfetch", "runs", content));
  });

  app.get("/runs/*", async (c) => {
    const name = idBehind("/runs/", c.req.url);
    const runs = await source.runs(MAX_RUNS);
    const run = runs.find((one) => one.run === name);
    if (!run) return refuse(c, 404, NO_RUN);
    const results = await source.runResults(run.run);
    const sorted = sortResults(results);
    const filter = parseResultFilter(new URL(c.req.url).searchParams);
    const content = (
      <RunPage
        run={run}
        results={sorted}
        shownResults={paginate(filterResults(sorted, filter), filter.page, ROWS)}
        filter={filter}
        clock={{ now: clock.now(), zone: source.timezone() }}
      />
    );
    return c.html(layout(c, "Run · cronfetch", "runs", content));
  });

  app.get("/files/*", async (c) => await answerFile(c.req.raw, source) ?? refuse(c, 404, NO_FILE));
}

const NO_FILE = "There is no such file, or downloads are disabled.";

/** The attempts of a task's results that needed several, by run. */
async function attemptsOf(
  { id, record }: PageTask,
  source: Pick<PageSource, "runResults">,
): Promise<ReadonlyMap<string, readonly RecordedAttempt[]>> {
  const runs = (record?.results ?? []).filter(({ attempts = 0 }) => attempts > 1);
  const found = await Promise.all(runs.map(async ({ run }) => {
    const result = (await source.runResults(run)).find(({ task }) => task === id);
    return [run, result?.attempts ?? []] as const;
  }));
  return new Map(found);
}

/** Failures first, changes next. */
export function sortResults(results: readonly RunTaskResult[]): RunTaskResult[] {
  const rank = ({ status }: RunTaskResult) => STATUS_ORDER.indexOf(status);
  return results.toSorted((one, other) => rank(one) - rank(other));
}

function parseResultFilter(query: URLSearchParams): ResultFilter {
  return {
    status: TASK_STATUSES.find((status) => status === query.get("status")) ?? null,
    text: parseText(query.get("q")),
    page: parsePage(query.get("page")),
  };
}

function filterResults(
  results: readonly RunTaskResult[],
  { status, text }: ResultFilter,
): RunTaskResult[] {
  const wanted = text.toLowerCase();
  return results.filter((result) =>
    (status === null || result.status === status) && result.task.toLowerCase().includes(wanted)
  );
}
