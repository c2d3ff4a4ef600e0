/** The pages of the recent runs and of one run. */

import type { JSX } from "hono/jsx/jsx-runtime";
import { TASK_STATUSES } from "../core/result.ts";
import { formatBytes, formatCount, formatDuration, plural } from "../report/format.ts";
import type { RecentResult, RunRecord } from "../state/state.ts";
import { runPath, taskPath } from "./assets.ts";
import {
  Badge,
  exactTime,
  Notice,
  shown,
  Sparkline,
  StatusBadge,
  type Tone,
  When,
} from "./components.tsx";
import { ResultMessage } from "./task.tsx";
import { exitCodeLabel } from "./labels.ts";

/** The recent runs. */
export function RunsPage(
  { runs, now }: { readonly runs: readonly RunRecord[]; readonly now: Temporal.Instant },
): JSX.Element {
  return (
    <div id="runs" data-live>
      <h1>Runs</h1>
      {runs.length === 0
        ? (
          <Notice title="No run has finished yet">
            <p>Finished runs are listed here for 90 days.</p>
          </Notice>
        )
        : <RunTable runs={runs} now={now} />}
    </div>
  );
}

function RunTable(
  { runs, now }: { readonly runs: readonly RunRecord[]; readonly now: Temporal.Instant },
) {
  const oldestFirst = runs.toReversed().map(({ summary }) => summary);
  return (
    <>
      <p class="faint">
        Duration{" "}
        <Sparkline
          name="Duration"
          values={oldestFirst.map(({ durationMs }) => durationMs)}
          format={formatDuration}
        />{" "}
        Received{" "}
        <Sparkline
          name="Received"
          values={oldestFirst.map(({ bytes }) => bytes)}
          format={formatBytes}
        />
      </p>
      <table class="results" role="table">
        <caption>{plural(runs.length, "run")}, newest first</caption>
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Outcome</th>
            <th role="columnheader" scope="col">Ended</th>
            <th role="columnheader" scope="col">Results</th>
            <th role="columnheader" scope="col">Received</th>
            <th role="columnheader" scope="col">Duration</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {runs.map((run) => (
            <tr role="row">
              <td role="cell" class="status">
                <Outcome exitCode={run.summary.exitCode} />
              </td>
              <td role="cell" data-label="Ended">
                <a href={runPath(run.run)}>
                  <When time={run.finishedAt} now={now} />
                </a>
              </td>
              <td role="cell" class="said">{countWords(run)}</td>
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
    </>
  );
}

function Outcome({ exitCode }: { readonly exitCode: number }) {
  const tones: Readonly<Record<number, Tone>> = { 0: "good", 1: "bad", 3: "bad" };
  return <Badge tone={tones[exitCode] ?? "warning"}>{exitCodeLabel(exitCode)}</Badge>;
}

function countWords({ summary }: RunRecord): string {
  return TASK_STATUSES
    .filter((status) => summary.counts[status] > 0)
    .map((status) => `${formatCount(summary.counts[status])} ${status}`)
    .join(", ") || "no task";
}

/** A result and its task. */
export interface ResultOfTask {
  readonly task: string;
  readonly result: RecentResult;
}

/** One run and those of its results that the state still has. */
export function RunPage({ run, results, now }: {
  readonly run: RunRecord;
  readonly results: readonly ResultOfTask[];
  readonly now: Temporal.Instant;
}): JSX.Element {
  const { summary } = run;
  const total = TASK_STATUSES.reduce((sum, status) => sum + summary.counts[status], 0);
  return (
    <>
      <p class="crumbs">
        <a href="/runs">Runs</a>
      </p>
      <h1>Run of {exactTime(run.startedAt)}</h1>
      <p class="badges">
        <Outcome exitCode={summary.exitCode} />
        <span class="faint">exit code {summary.exitCode}</span>
      </p>
      <dl>
        <div class="fact">
          <dt>ID</dt>
          <dd class="code">{shown(run.run)}</dd>
        </div>
        <div class="fact">
          <dt>Ended</dt>
          <dd>
            <When time={run.finishedAt} now={now} />, after {formatDuration(summary.durationMs)}
          </dd>
        </div>
        <div class="fact">
          <dt>Received</dt>
          <dd>{formatBytes(summary.bytes)}</dd>
        </div>
        <div class="fact">
          <dt>Results</dt>
          <dd>{countWords(run)}</dd>
        </div>
      </dl>
      <section aria-labelledby="results-title">
        <h2 id="results-title">Results</h2>
        {results.length < total && (
          <p class="faint">
            {formatCount(results.length)} of {formatCount(total)}{" "}
            are still recorded; of equal results in a row the state keeps only the last.
          </p>
        )}
        {results.length > 0 && (
          <table class="results" role="table">
            <thead role="rowgroup">
              <tr role="row">
                <th role="columnheader" scope="col">Result</th>
                <th role="columnheader" scope="col">Task</th>
                <th role="columnheader" scope="col">Message</th>
                <th role="columnheader" scope="col">Received</th>
                <th role="columnheader" scope="col">Duration</th>
              </tr>
            </thead>
            <tbody role="rowgroup">
              {results.map(({ task, result }) => (
                <tr role="row">
                  <td role="cell" class="status">
                    <StatusBadge status={result.status} />
                  </td>
                  <td role="cell" data-label="Task">
                    <a href={taskPath(task)}>{shown(task)}</a>
                  </td>
                  <td role="cell" class="said">
                    <ResultMessage result={result} />
                  </td>
                  <td role="cell" class="numbers" data-label="Received">
                    {result.bytes === 0 ? "" : formatBytes(result.bytes)}
                  </td>
                  <td role="cell" class="numbers" data-label="Duration">
                    {result.durationMs === undefined ? "" : formatDuration(result.durationMs)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
    </>
  );
}
