/** The page of one task: its options, its file and its recent results. */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import { capitalized } from "../core/text.ts";
import { formatBytes, formatDuration, plural } from "../report/format.ts";
import type { RecentResult, TaskRecord } from "../state/state.ts";
import {
  ActionForm,
  Address,
  Badge,
  exactTime,
  HealthBadge,
  shown,
  Sparkline,
  StatusBadge,
  When,
} from "./components.tsx";
import { Age, Due } from "./overview.tsx";
import { filePath, runPath, taskPath } from "./assets.ts";
import type { PageTask } from "./source.ts";
import { explainCode, recentDurations, recentSizes } from "./labels.ts";

/** Data of a task's page. */
export interface TaskFacts {
  readonly task: PageTask;
  readonly isRunning: boolean;
  /** Whether its file can be downloaded. */
  readonly isDownloadable: boolean;
  /** Whether actions are available. */
  readonly isActive: boolean;
  readonly now: Temporal.Instant;
}

/** The page of a task. */
export function TaskPage(facts: TaskFacts): JSX.Element {
  const { task, isRunning, isActive, now } = facts;
  const { record } = task;
  return (
    <>
      <div id="task" data-live>
        <p class="crumbs">
          <a href="/">Tasks</a>
        </p>
        <h1>{shown(task.id)}</h1>
        <p class="badges">
          <HealthBadge health={task.health} />
          {isRunning && <Badge tone="plain">running</Badge>}
          {task.paused && <Badge tone="plain">paused</Badge>}
          {task.stale && task.health !== "stale" && <Badge tone="warning">stale</Badge>}
        </p>
        <LastFailure record={record} />
        <div class="columns">
          <Schedule task={task} now={now} />
          <File facts={facts} />
        </div>
        <Results record={record} now={now} />
      </div>
      {isActive && (
        <section aria-labelledby="actions-title">
          <h2 id="actions-title">Actions</h2>
          <ActionForm
            task={task.id}
            back={taskPath(task.id)}
            canPause={!task.paused}
            canResume={task.paused}
          />
        </section>
      )}
    </>
  );
}

/** The last failure and its hint, until the task succeeds. */
function LastFailure({ record }: { readonly record: TaskRecord | null }) {
  const last = record?.results.find(({ code }) => code !== null);
  if (!record || record.failures === 0 || !last) return null;
  const explanation = explainCode(last);
  return (
    <section class="trouble" aria-labelledby="trouble-title">
      <h2 id="trouble-title">{plural(record.failures, "failure")} in a row</h2>
      <p>
        {capitalized(shown(last.message ?? explanation?.meaning ?? last.code ?? ""))}.
      </p>
      {explanation?.hint && <p>Hint: {explanation.hint}.</p>}
      {record.retryAt !== null && <p class="faint">Next attempt at {exactTime(record.retryAt)}.</p>}
    </section>
  );
}

function Schedule({ task, now }: { readonly task: PageTask; readonly now: Temporal.Instant }) {
  const { record } = task;
  return (
    <section aria-labelledby="schedule-title">
      <h2 id="schedule-title">Task</h2>
      <dl>
        <Fact name="URL">
          <Address url={task.url} />
        </Fact>
        {task.mirrors.length > 0 && (
          <Fact name="Mirrors">
            {task.mirrors.map((url) => (
              <div>
                <Address url={url} />
              </div>
            ))}
          </Fact>
        )}
        <Fact name="Schedule">{task.schedule}</Fact>
        <Fact name="Last success">
          <Age task={task} now={now} isBrief={false} />
        </Fact>
        {record?.lastRunAt && (
          <Fact name="Last run">
            <When time={record.lastRunAt} now={now} />
          </Fact>
        )}
        {record?.notBefore && <Fact name="Deferred until">{exactTime(record.notBefore)}</Fact>}
        <Fact name="Next due">
          <Due task={task} now={now} />
        </Fact>
      </dl>
    </section>
  );
}

function File({ facts }: { readonly facts: TaskFacts }) {
  const { task, isDownloadable, now } = facts;
  const published = task.record?.published ?? null;
  const publishedAt = task.record?.publishedAt ?? null;
  const sizes = recentSizes(task.record);
  return (
    <section aria-labelledby="file-title">
      <h2 id="file-title">File</h2>
      {published === null
        ? <p class="faint">Nothing has been published as {shown(task.key)} yet.</p>
        : (
          <dl>
            <Fact name="Name">
              <span class="code">{shown(published.key)}</span>
            </Fact>
            <Fact name="Size">
              <span class="numbers">{formatBytes(published.sizeBytes)}</span>{" "}
              <Sparkline name="Size" values={sizes} format={formatBytes} />
            </Fact>
            {publishedAt !== null && (
              <Fact name="Published">
                <When time={publishedAt} now={now} />
              </Fact>
            )}
            <Fact name="SHA-256">
              <span class="code digest">{published.sha256}</span>
            </Fact>
            {published.etag !== null && (
              <Fact name="ETag">
                <span class="code">{shown(published.etag)}</span>
              </Fact>
            )}
            {published.lastModified !== null && (
              <Fact name="Last-Modified">{shown(published.lastModified)}</Fact>
            )}
            {published.source !== task.url && (
              <Fact name="From">
                <Address url={published.source} />
              </Fact>
            )}
            {isDownloadable && (
              <Fact name="Download">
                <a href={filePath(published.key)} download>
                  {shown(published.key.split("/").at(-1) ?? "")}
                </a>
              </Fact>
            )}
          </dl>
        )}
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children?: Child }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Results(
  { record, now }: { readonly record: TaskRecord | null; readonly now: Temporal.Instant },
) {
  const results = record?.results ?? [];
  return (
    <section aria-labelledby="results-title">
      <h2 id="results-title">
        Recent results{" "}
        <Sparkline name="Duration" values={recentDurations(record)} format={formatDuration} />
      </h2>
      {results.length === 0
        ? <p class="faint">None yet: no run has included this task.</p>
        : (
          <table class="results" role="table">
            <thead role="rowgroup">
              <tr role="row">
                <th role="columnheader" scope="col">Result</th>
                <th role="columnheader" scope="col">When</th>
                <th role="columnheader" scope="col">Message</th>
                <th role="columnheader" scope="col">Attempts</th>
                <th role="columnheader" scope="col">Received</th>
                <th role="columnheader" scope="col">Duration</th>
              </tr>
            </thead>
            <tbody role="rowgroup">
              {results.map((result) => <ResultRow result={result} now={now} />)}
            </tbody>
          </table>
        )}
    </section>
  );
}

function ResultRow(
  { result, now }: { readonly result: RecentResult; readonly now: Temporal.Instant },
) {
  const { status, times, at, since, run, bytes, durationMs, attempts } = result;
  return (
    <tr role="row">
      <td role="cell" class="status">
        <StatusBadge status={status} />
        {times > 1 && <span class="faint">{plural(times, "time")}</span>}
      </td>
      <td role="cell" data-label="When">
        <a href={runPath(run)}>
          <When time={at} now={now} />
        </a>
        {times > 1 && (
          <span class="faint">
            since <When time={since} now={now} />
          </span>
        )}
      </td>
      <td role="cell" class="said">
        <ResultMessage result={result} />
      </td>
      <td role="cell" class="numbers" data-label="Attempts">{attempts ?? ""}</td>
      <td role="cell" class="numbers" data-label="Received">
        {bytes === 0 ? "" : formatBytes(bytes)}
      </td>
      <td role="cell" class="numbers" data-label="Duration">
        {durationMs === undefined ? "" : formatDuration(durationMs)}
      </td>
    </tr>
  );
}

/** A result's message, its code with the meaning, and a hint. */
export function ResultMessage({ result }: { readonly result: RecentResult }): JSX.Element {
  const { code, httpStatus, message } = result;
  const explanation = explainCode(result);
  if (code === null) {
    return (
      <>
        {message === null ? "" : capitalized(shown(message))}
        {message === null && httpStatus === 304 && <span class="faint">304, not modified</span>}
      </>
    );
  }
  return (
    <>
      {message === null ? explanation?.meaning ?? "" : capitalized(shown(message))}
      <span class="message faint">
        <span class="code">{shown(code)}</span>
        {httpStatus !== null && ` ${httpStatus}`}
        {message !== null && explanation?.meaning && `: ${explanation.meaning}`}
      </span>
      {explanation?.hint && <span class="message">Hint: {explanation.hint}.</span>}
    </>
  );
}
