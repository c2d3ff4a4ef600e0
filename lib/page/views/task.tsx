/** The page of one task: its options, its file and its recent results. */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { TaskProgress } from "../../core/event.ts";
import { isListKey } from "../../core/key.ts";
import { isBefore } from "../../core/time.ts";
import { formatBytes, formatDuration, plural } from "../../report/format.ts";
import { type Failure, failureHint, messageOf, shortReason } from "../../report/reason.ts";
import { recentOutcomes } from "../../state/outcomes.ts";
import type { RecordedAttempt } from "../../state/run_record.ts";
import type { Delivery, RecentResult, TaskRecord } from "../../state/state.ts";
import { attemptsLabel, changedAt, codeMeaning, sentence } from "../labels.ts";
import type { PageTask, PageVersion } from "../source.ts";
import type { Preview } from "../text_diff.ts";
import {
  Address,
  type Clock,
  exactTime,
  Fact,
  shown,
  StatusBadge,
  TableHead,
  TaskTransfer,
  When,
} from "./components.tsx";
import { Calendar, Items } from "./derived.tsx";
import { useLinks } from "./links.ts";
import { Age, Badges, Due, subtitle } from "./task_table.tsx";
import { Strip, StripLegend } from "./strip.tsx";
import { FilePreview, Versions } from "./versions.tsx";

/** Data of a task's page. */
export interface TaskFacts {
  readonly task: PageTask;
  readonly versions: readonly PageVersion[];
  /** The changes that its hooks have not received, oldest first. */
  readonly outbox: readonly Delivery[];
  /** The attempts of the recent results that needed several, by run. */
  readonly attempts: ReadonlyMap<string, readonly RecordedAttempt[]>;
  /** Null if there is none, or downloads are disabled. */
  readonly preview: Preview | null;
  /** Its progress while it is running. */
  readonly transfer: TaskProgress | null;
  readonly bytesPerSecond: number | null;
  /** Monotonic time. */
  readonly nowMs: number;
  /** Whether its files can be downloaded. */
  readonly isDownloadable: boolean;
  readonly now: Temporal.Instant;
}

/** The head of a task's page: what it is, and whether it is fine. */
export function TaskHead({ task, transfer, bytesPerSecond, nowMs }: TaskFacts): JSX.Element {
  const links = useLinks();
  return (
    <>
      <p class="crumbs">
        <a href={links.home}>Tasks</a>
      </p>
      <h1>{shown(task.id)}</h1>
      <p class="code faint">{shown(subtitle(task))}</p>
      <p>
        <Badges task={task} isRunning={transfer !== null} />
      </p>
      {transfer !== null && (
        <p class="transfer">
          <TaskTransfer
            id={task.id}
            task={transfer}
            bytesPerSecond={bytesPerSecond}
            nowMs={nowMs}
          />
        </p>
      )}
    </>
  );
}

/** The rest of a task's page: the failure, the schedule, the files, the results. */
export function TaskBody(facts: TaskFacts): JSX.Element {
  const { task, versions, isDownloadable, now } = facts;
  const { record } = task;
  const clock = { now, zone: task.timezone };
  return (
    <>
      <LastFailure record={record} clock={clock} />
      <div class="columns">
        <Schedule task={task} outbox={facts.outbox} clock={clock} />
        {task.dates === undefined && (isListKey(task.key)
          ? <Items task={task} clock={clock} />
          : <File task={task} clock={clock} />)}
      </div>
      {task.dates === undefined
        ? <Results record={record} attempts={facts.attempts} clock={clock} />
        : <Calendar task={task} dates={task.dates} />}
      <Versions {...{ task, versions, isDownloadable, clock }} />
      <FilePreview preview={facts.preview} />
    </>
  );
}

/** The last failure and its hint, until the task succeeds. */
function LastFailure(
  { record, clock }: { readonly record: TaskRecord | null; readonly clock: Clock },
) {
  const last = record?.results.find(({ code }) => code !== null);
  if (!record || record.failures === 0 || !last) return null;
  const hint = failureHint(last);
  return (
    <section class="trouble" aria-label="Failure">
      <h2>{sentence(shown(shortReason(last) ?? ""))}</h2>
      {hint && <p>Hint: {hint}.</p>}
      <p class="faint">
        {plural(record.failures, "failure")}
        {record.failures > 1 && " in a row"}
        {record.failingSince !== null && (
          <>
            , {record.failures > 1 && "the first "}
            <When time={record.failingSince} clock={clock} />
          </>
        )}
        {record.lastSuccessAt !== null && (
          <>
            ; last success <When time={record.lastSuccessAt} clock={clock} />
          </>
        )}.
        {record.retryAt !== null && ` Next attempt at ${exactTime(record.retryAt, clock.zone)}.`}
      </p>
    </section>
  );
}

function Schedule(
  { task, outbox, clock }: Pick<TaskFacts, "task" | "outbox"> & { readonly clock: Clock },
) {
  const { record } = task;
  const [undelivered] = outbox;
  return (
    <section aria-label="Task">
      <h2>Task</h2>
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
        <Fact name="Schedule">
          <span title={task.schedule}>{task.scheduleWords}</span>
        </Fact>
        <Fact name="Last success">
          <Age task={task} clock={clock} isBrief={false} />
        </Fact>
        {record?.lastRunAt && (
          <Fact name="Last run">
            <When time={record.lastRunAt} clock={clock} />
          </Fact>
        )}
        {record?.notBefore && isBefore(clock.now, Temporal.Instant.from(record.notBefore)) && (
          <Fact name="Deferred until">{exactTime(record.notBefore, clock.zone)}</Fact>
        )}
        <Fact name="Next due">
          <Due task={task} clock={clock} />
        </Fact>
        {undelivered !== undefined && (
          <Fact name="Hooks">
            {plural(outbox.length, "change")} not delivered
            {undelivered.message !== null && `: ${shown(undelivered.message)}`}
            {undelivered.retryAt !== null &&
              `. Next attempt at ${exactTime(undelivered.retryAt, clock.zone)}.`}
          </Fact>
        )}
      </dl>
    </section>
  );
}

function File({ task, clock }: { readonly task: PageTask; readonly clock: Clock }) {
  const published = task.record?.published ?? null;
  const changed = changedAt(task.record);
  return (
    <section aria-label="File">
      <h2>File</h2>
      {published === null
        ? <p class="faint">Nothing has been published as {shown(task.key)} yet.</p>
        : (
          <dl>
            <Fact name="Name">
              <span class="code">{shown(published.key)}</span>
            </Fact>
            <Fact name="Size">
              <span class="numbers">{formatBytes(published.sizeBytes)}</span>
            </Fact>
            {changed !== null && (
              <Fact name="Changed">
                <When time={changed} clock={clock} />
              </Fact>
            )}
            <Fact name="SHA-256">
              <span class="code">{published.sha256}</span>
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
          </dl>
        )}
    </section>
  );
}

function Results({ record, attempts, clock }: {
  readonly record: TaskRecord | null;
  readonly attempts: TaskFacts["attempts"];
  readonly clock: Clock;
}) {
  const results = record?.results ?? [];
  return (
    <section aria-label="Recent results">
      <h2>Recent results</h2>
      {results.length === 0 ? <p class="faint">None yet: no run has included this task.</p> : (
        <>
          <Strip outcomes={record ? recentOutcomes(record) : []} zone={clock.zone} />
          <StripLegend />
          <table class="results" role="table">
            <TableHead
              columns={["Result", "When", "Message", "Attempts", "Received", "Duration"]}
            />
            <tbody role="rowgroup">
              {results.map((result) => (
                <ResultRow result={result} tried={attempts.get(result.run)} clock={clock} />
              ))}
            </tbody>
          </table>
        </>
      )}
    </section>
  );
}

function ResultRow({ result, tried = [], clock }: {
  readonly result: RecentResult;
  readonly tried?: readonly RecordedAttempt[] | undefined;
  readonly clock: Clock;
}) {
  const { status, times, at, since, run, bytes, durationMs, attempts } = result;
  const links = useLinks();
  return (
    <tr role="row">
      <td role="cell" class="status">
        <StatusBadge status={status} />
        {times > 1 && <span class="faint">{plural(times, "time")}</span>}
      </td>
      <td role="cell" data-label="When">
        <a href={links.run(run)}>
          <When time={at} clock={clock} />
        </a>
        {times > 1 && (
          <span class="faint">
            since <When time={since} clock={clock} />
          </span>
        )}
      </td>
      <td role="cell" class="said">
        <ResultMessage result={result} />
      </td>
      <td role="cell" data-label="Attempts">
        {attempts ?? ""}
        {tried.length > 1 && <span class="faint">{shown(attemptsLabel(tried))}</span>}
      </td>
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
export function ResultMessage({ result }: { readonly result: Failure }): JSX.Element {
  const { code, httpStatus, message } = result;
  if (code === null) {
    return (
      <>
        {message === null ? "" : sentence(shown(message))}
        {message === null && httpStatus === 304 && <span class="faint">304, not modified</span>}
      </>
    );
  }
  const meaning = codeMeaning(code);
  const hint = failureHint(result);
  return (
    <>
      {sentence(shown(messageOf(result) ?? ""))}
      <span class="message faint">
        <span class="code">{shown(code)}</span>
        {httpStatus !== null && ` ${httpStatus}`}
        {message !== null && meaning !== null && `: ${meaning}`}
      </span>
      {hint !== null && <span class="message">Hint: {hint}.</span>}
    </>
  );
}
