/** All tasks at a glance. */

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

/** What the overview is drawn from. */
export interface OverviewFacts {
  /** Of the config, all. */
  readonly tasks: readonly PageTask[];
  /** Those that the filter lets through. */
  readonly shown: Page<PageTask>;
  readonly filter: Filter;
  readonly running: ReadonlySet<string>;
  readonly lastRun: RunRecord | null;
  readonly paused: boolean;
  /** When another config came into force, RFC 3339, or null. */
  readonly configChangedAt: string | null;
  readonly now: Temporal.Instant;
}

/** The sentence at the top: what somebody wants to know who looks for a second. */
export function Headline(
  { tasks, lastRun, paused, configChangedAt, now }: OverviewFacts,
): JSX.Element {
  const troubled = tasks.filter((task) => task.health === "unhealthy" || task.stale).length;
  const failing = tasks.filter((task) => task.health === "failing" && !task.stale).length;
  return (
    <>
      <h1>{headlineText(tasks.length, troubled, failing)}</h1>
      <p class="faint">
        {lastRun
          ? (
            <>
              The <a href={runPath(lastRun.run)}>last run</a> ended{" "}
              <When time={lastRun.finishedAt} now={now} />:{" "}
              {exitCodeLabel(lastRun.summary.exitCode)}.
            </>
          )
          : "No run is remembered yet."}
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

function headlineText(total: number, troubled: number, failing: number): string {
  if (total === 0) return "No tasks";
  if (troubled > 0) {
    return `${formatCount(troubled)} of ${plural(total, "task")} ${
      troubled === 1 ? "needs" : "need"
    } a look`;
  }
  if (failing > 0) return `${formatCount(failing)} of ${plural(total, "task")} failed last time`;
  return total === 1 ? "The task is well" : `All ${formatCount(total)} tasks are well`;
}

/** The numbers by health, each a link to those tasks. */
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

/** The form that filters by text. It keeps the health that is chosen. */
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

/** The table of tasks, or why there is none. */
export function TaskTable(facts: OverviewFacts): JSX.Element {
  if (facts.tasks.length === 0) {
    return (
      <Notice title="The config has no tasks">
        <p>Name a URL in its list of tasks, and this page shows how it fares.</p>
      </Notice>
    );
  }
  if (facts.shown.total === 0) {
    return (
      <Notice title="No task is like that">
        <p>
          None of the {plural(facts.tasks.length, "task")} fits. <a href="/">Show all</a>
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
            <th role="columnheader" scope="col">Last good</th>
            <th role="columnheader" scope="col">Next due</th>
            <th role="columnheader" scope="col">Size</th>
            <th role="columnheader" scope="col">Time taken</th>
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
      <td role="cell" class="age" data-label="Last good">
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
      <td role="cell" class="time" data-label="Time taken">
        <span class="numbers">
          {last?.durationMs === undefined ? "" : formatDuration(last.durationMs)}
        </span>
        <Sparkline name="Duration" values={recentDurations(record)} format={formatDuration} />
      </td>
    </tr>
  );
}

/**
 * When a task was last good, and how far it is from being stale.
 *
 * @param isBrief Says when it becomes stale only once that is near.
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

/** When a task comes due. */
export function Due(
  { task, now }: { readonly task: PageTask; readonly now: Temporal.Instant },
): JSX.Element {
  if (task.paused) return <span>paused</span>;
  if (task.due) return <span>now</span>;
  if (task.nextDue === null) return <span class="faint">when asked for</span>;
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

/** A health in the words of a page's title. */
export function titleOf(tasks: readonly PageTask[]): string {
  const bad: readonly ShownHealth[] = ["unhealthy", "stale"];
  const count = tasks.filter((task) => bad.includes(task.health) || task.stale).length;
  return count === 0 ? "cronfetch" : `(${formatCount(count)}) cronfetch`;
}
