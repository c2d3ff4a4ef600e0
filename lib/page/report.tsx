/** The status page as one file, for static hosting such as GitHub Pages: no server and no scripts. */

import { createHash } from "node:crypto";
import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import manifest from "../../deno.json" with { type: "json" };
import type { DayRecord, RunRecord, RunTaskResult } from "../state/run_record.ts";
import { inlineAssets } from "./assets.ts";
import { filterTasks, NO_FILTER, paginate } from "./filter.ts";
import { commonZone } from "./labels.ts";
import { overviewOf } from "./overview.ts";
import { sortResults } from "./pages.tsx";
import type { PageSource, PageTask, PageVersion } from "./source.ts";
import { exactTime } from "./views/components.tsx";
import { type Links, LinksContext } from "./views/links.ts";
import { Headline, titleOf } from "./views/overview.tsx";
import { RunPage, RunsPage } from "./views/runs.tsx";
import { TaskBody, TaskHead } from "./views/task.tsx";
import { TaskTable } from "./views/task_table.tsx";

/** Tasks with a section of their own: the unhealthy ones first. All of them are in the table. */
const MAX_TASKS = 500;
/** Runs and days in the lists. */
const MAX_REPORT_RUNS = 200;
const MAX_DAYS = 90;
/** Runs with a section of their own, and results in all of these sections together. */
const MAX_RUN_SECTIONS = 50;
const MAX_RESULTS = 5_000;

/** Sections are shown one at a time, by the fragment of the URL; all of them in print. */
const STYLE = `${inlineAssets.style}
@media screen {
  .sheet { display: none; }
  .sheet:target { display: block; }
  main:has(.sheet:target) #tasks { display: none; }
}
.sheet, #tasks { scroll-margin-top: 5rem; }
`;

/** Everything that a report shows. */
interface ReportContent {
  readonly tasks: readonly PageTask[];
  /** Tasks that have a section, and their files. */
  readonly detailed: readonly {
    readonly task: PageTask;
    readonly versions: readonly PageVersion[];
  }[];
  readonly runs: readonly RunRecord[];
  readonly days: readonly DayRecord[];
  /** Runs that have a section, and their results. */
  readonly detailedRuns: readonly {
    readonly run: RunRecord;
    readonly results: readonly RunTaskResult[];
  }[];
  readonly now: Temporal.Instant;
}

/**
 * Renders tasks and runs as one HTML document. The same state and time make the same bytes.
 *
 * @throws {CronfetchError} `state.` codes.
 */
export async function renderReport(
  source: Pick<PageSource, "tasks" | "versions" | "runs" | "runResults" | "days">,
  now: Temporal.Instant,
): Promise<string> {
  const tasks = await source.tasks();
  const [runs, days] = [await source.runs(MAX_REPORT_RUNS), await source.days(MAX_DAYS)];
  const sorted = filterTasks(tasks, NO_FILTER, { running: new Set(), now });
  const listed = sorted.slice(0, MAX_TASKS);
  const files = await source.versions(listed);
  const detailed = listed.map((task) => ({ task, versions: files.get(task.id) ?? [] }));
  const detailedRuns: ReportContent["detailedRuns"][number][] = [];
  let left = MAX_RESULTS;
  for (const run of runs.slice(0, MAX_RUN_SECTIONS)) {
    const results = sortResults(await source.runResults(run.run)).slice(0, left);
    left -= results.length;
    detailedRuns.push({ run, results });
  }
  const content: ReportContent = { tasks, detailed, runs, days, detailedRuns, now };
  // The provider must enclose a component: elements are rendered before it.
  const document = (
    <LinksContext.Provider value={linksTo(content)}>
      <Report content={content} />
    </LinksContext.Provider>
  );
  return `<!doctype html>${document}\n`;
}

/** Links to sections, by number, as an id may be any text. */
function linksTo({ detailed, detailedRuns }: ReportContent): Links {
  const taskNumbers = new Map(detailed.map(({ task }, index) => [task.id, index]));
  const runNumbers = new Map(detailedRuns.map(({ run }, index) => [run.run, index]));
  const fragment = (name: string, number: number | undefined) =>
    number === undefined ? undefined : `#${name}-${number}`;
  return {
    isStatic: true,
    home: "#tasks",
    runs: "#runs",
    filter: null,
    task: (id) => fragment("task", taskNumbers.get(id)),
    run: (run) => fragment("run", runNumbers.get(run)),
    file: null,
    diff: null,
  };
}

function Report({ content }: { readonly content: ReportContent }): JSX.Element {
  const { tasks, detailed, runs, days, detailedRuns, now } = content;
  const timezone = commonZone(tasks);
  const clock = { now, zone: timezone };
  const running = new Set<string>();
  const perPage = Math.max(1, tasks.length);
  const facts = {
    ...overviewOf(tasks, { filter: NO_FILTER, perPage, running }, now),
    ...{ filter: NO_FILTER, running, timezone },
    lastRun: runs[0] ?? null,
    otherRuns: [],
    paused: false,
    configChangedAt: null,
    nextCheckAt: null,
    canRun: false,
    now,
  };
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="content-security-policy" content={policy()} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>{titleOf(facts)}</title>
        <link rel="icon" href={`data:image/svg+xml,${encodeURIComponent(inlineAssets.icon)}`} />
        <style dangerouslySetInnerHTML={{ __html: STYLE }} />
      </head>
      <body>
        <header class="top">
          <a class="mark" href="#tasks">cronfetch</a>
          <nav aria-label="Pages">
            <a href="#tasks">Tasks</a>
            <a href="#runs">Runs</a>
          </nav>
        </header>
        <main>
          <div id="tasks">
            <Headline {...facts} />
            <TaskTable {...facts} />
          </div>
          {detailed.map(({ task, versions }, index) => (
            <Sheet id={`task-${index}`}>
              <TaskHead {...taskFacts(task, versions, now)} />
              <TaskBody {...taskFacts(task, versions, now)} />
            </Sheet>
          ))}
          <Sheet id="runs">
            <RunsPage shown={paginate(runs, 1, MAX_REPORT_RUNS)} days={days} clock={clock} />
          </Sheet>
          {detailedRuns.map(({ run, results }, index) => (
            <Sheet id={`run-${index}`}>
              <RunPage
                run={run}
                results={results}
                shownResults={paginate(results, 1, MAX_RESULTS)}
                filter={{ status: null, text: "", page: 1 }}
                clock={clock}
              />
            </Sheet>
          ))}
        </main>
        <footer>
          <p>cronfetch {manifest.version}, as of {exactTime(now.toString(), clock.zone)}</p>
        </footer>
      </body>
    </html>
  );
}

function Sheet({ id, children }: { readonly id: string; readonly children?: Child }) {
  return <article class="sheet" id={id}>{children}</article>;
}

function taskFacts(task: PageTask, versions: readonly PageVersion[], now: Temporal.Instant) {
  return {
    ...{ task, versions, now },
    preview: null,
    attempts: new Map(),
    outbox: [],
    transfer: null,
    bytesPerSecond: null,
    nowMs: 0,
    isDownloadable: false,
  };
}

/** Nothing is loaded, and no script runs. */
function policy(): string {
  const style = createHash("sha256").update(STYLE).digest("base64");
  return `default-src 'none'; style-src 'sha256-${style}'; img-src data:; ` +
    "base-uri 'none'; form-action 'none'";
}
