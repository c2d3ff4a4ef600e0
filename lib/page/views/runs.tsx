/** The pages of the recent runs and of one run. */

import type { JSX } from "hono/jsx/jsx-runtime";
import { EXIT, TASK_STATUSES, type TaskStatus } from "../../core/result.ts";
import { formatBytes, formatCount, formatDuration, plural } from "../../report/format.ts";
import type { DayRecord, RunRecord, RunTaskResult } from "../../state/run_record.ts";
import type { Page } from "../filter.ts";
import {
  attemptsLabel,
  countsLabel,
  exitCodeLabel,
  sentence,
  sizeChangeLabel,
  triggerLabel,
} from "../labels.ts";
import {
  Badge,
  type Clock,
  exactTime,
  Fact,
  Notice,
  Pager,
  shown as text,
  StatusBadge,
  TableHead,
  type Tone,
  When,
} from "./components.tsx";
import { useLinks } from "./links.ts";
import { ResultMessage } from "./task.tsx";

/** The recent runs. */
export function RunsPage(
  { shown, days, clock }: {
    readonly shown: Page<RunRecord>;
    readonly days: readonly DayRecord[];
    readonly clock: Clock;
  },
): JSX.Element {
  return (
    <>
      <h1>Runs</h1>
      {shown.total === 0
        ? (
          <Notice title="No run has finished yet">
            <p>Finished runs are listed here.</p>
          </Notice>
        )
        : <RunTable shown={shown} clock={clock} />}
      {days.length > 0 && <DayTable days={days} />}
    </>
  );
}

function RunTable({ shown, clock }: { readonly shown: Page<RunRecord>; readonly clock: Clock }) {
  const links = useLinks();
  return (
    <>
      <table class="results" role="table">
        <caption>{plural(shown.total, "run")}, newest first</caption>
        <TableHead
          columns={["Outcome", "Ended", "Results", "Started by", "Received", "Duration"]}
        />
        <tbody role="rowgroup">
          {shown.items.map((run) => (
            <tr role="row">
              <td role="cell" class="status">
                <OutcomeBadge exitCode={run.summary.exitCode} />
                {run.failedRuns !== undefined && run.failedRuns > 1 && (
                  <span class="faint">{plural(run.failedRuns, "time")}</span>
                )}
              </td>
              <td role="cell" data-label="Ended">
                <a href={links.run(run.run)}>
                  <When time={run.finishedAt} clock={clock} />
                </a>
              </td>
              <td role="cell" class="said">
                {run.error === undefined ? countsLabel(run.summary.counts) : text(run.error)}
              </td>
              <td role="cell" data-label="Started by">{triggerLabel(run.trigger)}</td>
              <td role="cell" class="numbers" data-label="Received">
                {formatBytes(run.summary.bytes)}
              </td>
              <td role="cell" class="numbers" data-label="Duration">
                {formatDuration(run.summary.durationMs)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Pager shown={shown} pathOf={(page) => page === 1 ? "/runs" : `/runs?page=${page}`} />
    </>
  );
}

function OutcomeBadge({ exitCode }: { readonly exitCode: number }) {
  const tones: Readonly<Record<number, Tone>> = {
    [EXIT.good]: "good",
    [EXIT.bug]: "bad",
    [EXIT.failed]: "bad",
  };
  return <Badge tone={tones[exitCode] ?? "warning"}>{exitCodeLabel(exitCode)}</Badge>;
}

/** What happened on each day. */
function DayTable({ days }: { readonly days: readonly DayRecord[] }) {
  return (
    <section aria-label="Days">
      <h2>Days</h2>
      <table class="results" role="table">
        <caption>In UTC. Checks are evaluations that found nothing due.</caption>
        <TableHead columns={["Day", "Results", "Runs", "Checks", "Received"]} />
        <tbody role="rowgroup">
          {days.map(({ day, runs, evaluations, counts, bytes }) => (
            <tr role="row">
              <td role="cell" class="numbers">{day}</td>
              <td role="cell" class="said">{countsLabel(counts)}</td>
              <td role="cell" class="numbers" data-label="Runs">{formatCount(runs)}</td>
              <td role="cell" class="numbers" data-label="Checks">{formatCount(evaluations)}</td>
              <td role="cell" class="numbers" data-label="Received">{formatBytes(bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Which results of a run are shown. */
export interface ResultFilter {
  /** Null for all. */
  readonly status: TaskStatus | null;
  /** Part of the task's id, case-insensitive. */
  readonly text: string;
  /** Counted from 1. */
  readonly page: number;
}

/** One run and its results. */
export function RunPage({ run, results, shownResults, filter, clock }: {
  readonly run: RunRecord;
  /** All that the state has, the failures first. */
  readonly results: readonly RunTaskResult[];
  /** Those that match the filter. */
  readonly shownResults: Page<RunTaskResult>;
  readonly filter: ResultFilter;
  readonly clock: Clock;
}): JSX.Element {
  const { summary } = run;
  const links = useLinks();
  return (
    <>
      <p class="crumbs">
        <a href={links.runs}>Runs</a>
      </p>
      <h1>
        Run of <time datetime={run.startedAt}>{exactTime(run.startedAt, clock.zone)}</time>
      </h1>
      <p class="badges">
        <OutcomeBadge exitCode={summary.exitCode} />
        <span class="faint">exit code {summary.exitCode}</span>
      </p>
      {run.error !== undefined && (
        <section class="trouble" aria-label="Failure">
          <h2>{sentence(text(run.error))}</h2>
          {run.failedRuns !== undefined && run.failedRuns > 1 && (
            <p class="faint">{plural(run.failedRuns, "run")} in a row failed like this.</p>
          )}
        </section>
      )}
      <dl>
        <Fact name="Results">{countsLabel(summary.counts)}</Fact>
        {run.tasks !== undefined && <Fact name="Planned">{plural(run.tasks, "task")}</Fact>}
        {run.trigger !== undefined && <Fact name="Started by">{triggerLabel(run.trigger)}</Fact>}
        <Fact name="Received">{formatBytes(summary.bytes)}</Fact>
        <Fact name="Ended">
          <When time={run.finishedAt} clock={clock} />, after {formatDuration(summary.durationMs)}
        </Fact>
        <Fact name="ID">
          <span class="code">{text(run.run)}</span>
        </Fact>
      </dl>
      <section aria-label="Results">
        <h2>Results</h2>
        <ResultsNote run={run} recorded={results.length} />
        {results.length > 0 && <ResultFilterForm {...{ run, results, filter }} />}
        {shownResults.total > 0 && <ResultTable shown={shownResults} />}
        <Pager
          shown={shownResults}
          pathOf={(page) => `${links.run(run.run)}${resultQuery({ ...filter, page })}`}
        />
      </section>
    </>
  );
}

/** Which results are missing in the list, and why. */
function ResultsNote({ run, recorded }: { readonly run: RunRecord; readonly recorded: number }) {
  const { counts } = run.summary;
  const total = TASK_STATUSES.reduce((sum, status) => sum + counts[status], 0);
  if (recorded >= total) return null;
  const quiet = counts.unchanged + counts.skipped;
  return (
    <p class="faint">
      {formatCount(recorded)} of {formatCount(total)} are listed
      {recorded === total - quiet ? "; unchanged and skipped tasks are only counted" : ""}.
    </p>
  );
}

function ResultFilterForm({ run, results, filter }: {
  readonly run: RunRecord;
  readonly results: readonly RunTaskResult[];
  readonly filter: ResultFilter;
}) {
  const links = useLinks();
  const path = links.run(run.run);
  if (links.filter === null || path === undefined) return null;
  const link = (status: TaskStatus | null, count: number) => (
    <li>
      <a
        href={`${path}${resultQuery({ ...filter, status, page: 1 })}`}
        aria-current={filter.status === status ? "true" : undefined}
      >
        {status ?? "all"} <span class="numbers">{formatCount(count)}</span>
      </a>
    </li>
  );
  return (
    <div class="tools">
      <ul class="counts" aria-label="Filter by status">
        {link(null, results.length)}
        {TASK_STATUSES.map((status) => {
          const count = results.filter((result) => result.status === status).length;
          return count > 0 || filter.status === status ? link(status, count) : null;
        })}
      </ul>
      <form class="filter" method="get" action={path} role="search">
        <label for="q">Task</label>
        <input
          id="q"
          type="search"
          name="q"
          value={filter.text}
          maxlength={200}
          autocomplete="off"
        />
        {filter.status !== null && <input type="hidden" name="status" value={filter.status} />}
        <button type="submit">Filter</button>
      </form>
    </div>
  );
}

/** The query of a filter, with `?`; empty for no filter. */
function resultQuery({ status, text, page }: ResultFilter): string {
  const query = new URLSearchParams();
  if (status !== null) query.set("status", status);
  if (text !== "") query.set("q", text);
  if (page !== 1) query.set("page", `${page}`);
  return query.size === 0 ? "" : `?${query}`;
}

function ResultTable({ shown: { items } }: { readonly shown: Page<RunTaskResult> }) {
  const links = useLinks();
  return (
    <table class="results" role="table">
      <TableHead columns={["Result", "Task", "Message", "Size", "Received", "Duration"]} />
      <tbody role="rowgroup">
        {items.map((result) => (
          <tr role="row">
            <td role="cell" class="status">
              <StatusBadge status={result.status} />
            </td>
            <td role="cell" data-label="Task">
              <a href={links.task(result.task)}>{text(result.task)}</a>
            </td>
            <td role="cell" class="said">
              <ResultMessage result={result} />
              {result.attempts.length > 1 && (
                <span class="message faint">
                  {plural(result.attempts.length, "attempt")}:{" "}
                  {text(attemptsLabel(result.attempts))}
                </span>
              )}
            </td>
            <td role="cell" class="numbers" data-label="Size">
              {result.sizeBytes !== null && formatBytes(result.sizeBytes)}
              {result.sizeBytes !== null && result.previousSizeBytes !== null && (
                <span class="faint">
                  {sizeChangeLabel(result.previousSizeBytes, result.sizeBytes)}
                </span>
              )}
            </td>
            <td role="cell" class="numbers" data-label="Received">
              {result.bytes === 0 ? "" : formatBytes(result.bytes)}
            </td>
            <td role="cell" class="numbers" data-label="Duration">
              {formatDuration(result.durationMs)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
