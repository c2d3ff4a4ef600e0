/** The overview: headline, filter and table of all tasks. */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { ShownHealth } from "../core/event.ts";
import { formatBytes, formatCount, formatDuration, plural } from "../report/format.ts";
import type { RunRecord } from "../state/state.ts";
import { CONDITIONS, type Filter, filterQuery, isIn, type Page } from "./filter.ts";
import { runPath, taskPath } from "./assets.ts";
import {
  AgeBar,
  Badge,
  HealthBadge,
  NEARLY_STALE,
  Notice,
  shown,
  Sparkline,
  StatusBadge,
  When,
} from "./components.tsx";
import type { PageTask } from "./source.ts";
import { ageShare, exitCodeLabel, recentDurations, recentSizes } from "./labels.ts";

/** Data of the overview. */
export interface OverviewFacts {
  /** All tasks of the config. */
  readonly tasks: readonly PageTask[];
  /** The tasks that match the filter. */
  readonly shown: Page<PageTask>;
  readonly filter: Filter;
  readonly running: ReadonlySet<string>;
  readonly lastRun: RunRecord | null;
  readonly paused: boolean;
  /** When the config was last reloaded, RFC 3339, or null. */
  readonly configChangedAt: string | null;
  readonly now: Temporal.Instant;
}

/** The heading: how many tasks need attention, the last run, and whether tasks are paused. */
export function Headline(
  { tasks, lastRun, paused, configChangedAt, now }: OverviewFacts,
): JSX.Element {
  const urgent = tasks.filter((task) => task.health === "unhealthy" || task.stale).length;
  const failing = tasks.filter((task) => task.health === "failing" && !task.stale).length;
  return (
    <>
      <h1>{headlineText(tasks.length, urgent, failing)}</h1>
      <p class="faint">
        {lastRun
          ? (
            <>
              The <a href={runPath(lastRun.run)}>last run</a> ended{" "}
              <When time={lastRun.finishedAt} now={now} />:{" "}
              {exitCodeLabel(lastRun.summary.exitCode)}.
            </>
          )
          : "No run has finished yet."}
        {configChangedAt !== null && (
          <>
            {" "}The config was changed <When time={configChangedAt} now={now} />.
          </>
        )}
        {paused && (
          <>
            {" "}
            <strong>All tasks are paused.</strong>
          </>
        )}
      </p>
    </>
  );
}

function headlineText(total: number, urgent: number, failing: number): string {
  if (total === 0) return "No tasks";
  if (urgent > 0) {
    const verb = urgent === 1 ? "needs" : "need";
    return `${formatCount(urgent)} of ${plural(total, "task")} ${verb} attention`;
  }
  if (failing > 0) return `${formatCount(failing)} of ${plural(total, "task")} failed last time`;
  return total === 1 ? "The task is fine" : `All ${formatCount(total)} tasks are fine`;
}

/** The number of tasks by condition, each a link that filters by it. */
export function Counts({ tasks, filter, running }: OverviewFacts): JSX.Element {
  const { text } = filter;
  const link = (health: Filter["health"], count: number) => (
    <li>
      <a
        href={`/${filterQuery({ health, text, page: 1 })}`}
        aria-current={filter.health === health ? "true" : undefined}
      >
        {health ?? "all"} <span class="numbers">{formatCount(count)}</span>
      </a>
    </li>
  );
  return (
    <ul class="counts" aria-label="Filter by health">
      {link(null, tasks.length)}
      {CONDITIONS.map((condition) => {
        const count = tasks.filter((task) => isIn(condition, task, running)).length;
        return count > 0 || filter.health === condition ? link(condition, count) : null;
      })}
    </ul>
  );
}

/** The form that filters by text. It keeps the selected health. */
export function FilterForm({ filter }: { readonly filter: Filter }): JSX.Element {
  return (
    <form class="filter" method="get" action="/" role="search">
      <label for="q">Name, file or URL</label>
      <input id="q" type="search" name="q" value={filter.text} maxlength={200} autocomplete="off" />
      {filter.health !== null && <input type="hidden" name="health" value={filter.health} />}
      <button type="submit">Filter</button>
      {(filter.text !== "" || filter.health !== null) && <a href="/">Show all</a>}
    </form>
  );
}

/** The table of tasks, or why it is empty. */
export function TaskTable(facts: OverviewFacts): JSX.Element {
  if (facts.tasks.length === 0) {
    return (
      <Notice title="The config has no tasks">
        <p>Add a URL to its list of tasks, and this page shows the health of the task.</p>
      </Notice>
    );
  }
  if (facts.shown.total === 0) {
    return (
      <Notice title="No task matches">
        <p>
          None of the {plural(facts.tasks.length, "task")} matches the filter.{" "}
          <a href="/">Show all</a>
        </p>
      </Notice>
    );
  }
  return (
    <>
      <table class="tasks" role="table">
        <caption>{caption(facts)}</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Task</th>
            <th role="columnheader" scope="col">Health</th>
            <th role="columnheader" scope="col">Last result</th>
            <th role="columnheader" scope="col">Last success</th>
            <th role="columnheader" scope="col">Next due</th>
            <th role="columnheader" scope="col">Size</th>
            <th role="columnheader" scope="col">Duration</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {facts.shown.items.map((task) => <Row task={task} facts={facts} />)}
        </tbody>
      </table>
      <Pager filter={facts.filter} shown={facts.shown} />
    </>
  );
}

function caption({ shown, filter }: OverviewFacts): string {
  const kind = filter.health === null ? "" : ` that are ${filter.health}`;
  const words = filter.text === "" ? "" : `, with “${filter.text}”`;
  const part = shown.pages === 1 ? "" : `, page ${shown.page} of ${shown.pages}`;
  return `${plural(shown.total, "task")}${kind}${words}${part}`;
}

function Row({ task, facts }: { readonly task: PageTask; readonly facts: OverviewFacts }) {
  const { record } = task;
  const { now } = facts;
  const last = record?.results[0];
  const sizeBytes = record?.published?.sizeBytes;
  return (
    <tr role="row">
      <th role="rowheader" scope="row" class="name">
        <a href={taskPath(task.id)}>{shown(task.id)}</a>
        <span class="code faint">{shown(task.key === task.id ? task.url : task.key)}</span>
      </th>
      <td role="cell" class="health">
        <HealthBadge health={task.health} />
        {facts.running.has(task.id) && <Badge tone="plain">running</Badge>}
        {task.paused && <Badge tone="plain">paused</Badge>}
        {task.stale && task.health !== "stale" && <Badge tone="warning">stale</Badge>}
      </td>
      <td role="cell" class="last" data-label="Last result">
        {last
          ? (
            <>
              <StatusBadge status={last.status} />
              <span class="faint">
                <When time={last.at} now={now} />
                {last.code !== null && (
                  <>
                    , <span class="code">{shown(last.code)}</span>
                    {last.httpStatus !== null && ` ${last.httpStatus}`}
                  </>
                )}
              </span>
            </>
          )
          : <span class="faint">none yet</span>}
      </td>
      <td role="cell" class="age" data-label="Last success">
        <Age task={task} now={now} isBrief />
      </td>
      <td role="cell" class="next" data-label="Next due">
        <Due task={task} now={now} />
        {task.nextDue !== null && <span class="faint schedule">{task.schedule}</span>}
      </td>
      <td role="cell" class="size" data-label="Size">
        <span class="numbers">{sizeBytes === undefined ? "" : formatBytes(sizeBytes)}</span>
        <Sparkline name="Size" values={recentSizes(record)} format={formatBytes} />
      </td>
      <td role="cell" class="time" data-label="Duration">
        <span class="numbers">
          {last?.durationMs === undefined ? "" : formatDuration(last.durationMs)}
        </span>
        <Sparkline name="Duration" values={recentDurations(record)} format={formatDuration} />
      </td>
    </tr>
  );
}

/**
 * When a task last succeeded, and how close it is to being stale.
 *
 * @param isBrief Shows the time of staleness only when it is near.
 */
export function Age(
  { task, now, isBrief }: {
    readonly task: PageTask;
    readonly now: Temporal.Instant;
    readonly isBrief: boolean;
  },
): JSX.Element {
  const success = task.record?.lastSuccessAt ?? null;
  const share = ageShare(task, now);
  if (success === null) return <span class="faint">never</span>;
  return (
    <>
      <When time={success} now={now} />
      {share !== null && <AgeBar share={share} />}
      {share !== null && task.staleFrom !== null && (!isBrief || share > NEARLY_STALE) && (
        <span class="faint">
          stale {share >= 1 && "since "}
          <When time={task.staleFrom} now={now} />
        </span>
      )}
    </>
  );
}

/** When a task is due. */
export function Due(
  { task, now }: { readonly task: PageTask; readonly now: Temporal.Instant },
): JSX.Element {
  if (task.paused) return <span>paused</span>;
  if (task.due) return <span>now</span>;
  if (task.nextDue === null) return <span class="faint">on request</span>;
  return <When time={task.nextDue} now={now} />;
}

function Pager(
  { filter, shown }: { readonly filter: Filter; readonly shown: Page<PageTask> },
) {
  if (shown.pages === 1) return null;
  const link = (page: number, words: string, rel: string) =>
    page >= 1 && page <= shown.pages
      ? <a rel={rel} href={`/${filterQuery({ ...filter, page })}`}>{words}</a>
      : <span class="faint">{words}</span>;
  return (
    <nav class="pager" aria-label="More tasks">
      {link(shown.page - 1, "Previous", "prev")}
      <span class="numbers">{shown.page} / {shown.pages}</span>
      {link(shown.page + 1, "Next", "next")}
    </nav>
  );
}

/** The title of the overview, with the number of tasks that need attention. */
export function titleOf(tasks: readonly PageTask[]): string {
  const urgent: readonly ShownHealth[] = ["unhealthy", "stale"];
  const count = tasks.filter((task) => urgent.includes(task.health) || task.stale).length;
  return count === 0 ? "cronfetch" : `(${formatCount(count)}) cronfetch`;
}
