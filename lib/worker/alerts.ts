/** Alerts: evaluated after each run and each tick, sent once, and remembered in the state. */

import type { AlertConfig } from "../config/config.ts";
import { createRedactor } from "../config/secrets.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { serverSettings } from "../core/host_rules.ts";
import { parentOf, type Task } from "../core/task.ts";
import { errorMessage, escapeControl } from "../core/text.ts";
import { type AlertChange, alertChange, type AlertNotice } from "../report/alerts/changes.ts";
import type { DateAlerts } from "../report/alerts/dates.ts";
import { alertMessage } from "../report/alerts/message.ts";
import { LONGEST_SENDING_MS, openAlertSender } from "../report/alerts/send.ts";
import { describeTarget, type TargetFailure } from "../report/send.ts";
import { MOST_AT_ONCE } from "../state/record.ts";
import type { State, TaskRecord } from "../state/state.ts";
import { failureOf } from "./history.ts";
import { failedNotice, memoryBesideState, memoryInState, RECOVERED_NOTICE } from "./failed_runs.ts";

/** What alerts use. */
export interface AlertContext {
  readonly config: AlertConfig;
  readonly host: Host;
  /** Ends sending; what was not sent is sent by the next evaluation. */
  readonly signal: AbortSignal;
}

/** What is evaluated. */
export interface AlertRequest {
  /** Tasks of the config; paused ones are left out. */
  readonly tasks: readonly Task[];
  /** The id of the run that ended; null if nothing was due. */
  readonly run: string | null;
  /** Why the store is unusable; `good` if files were checked or published; null if unknown. */
  readonly store: CronfetchError | "good" | null;
  readonly state: State;
}

/** Time in which the changed records are read, sent and saved; a crash blocks their tasks as long. */
const LEASE_MS = LONGEST_SENDING_MS + 10_000;

/** What is leased, like a task, while an alert about whole runs is sent. */
const RUNS = "alerts about whole runs";

/**
 * Sends the alerts that have opened or closed since the last evaluation, in one message to each
 * target. A record says which alerts are open, and is saved only after a target has accepted the
 * message. So an alert is sent again after a crash in between, or if no target accepts it, but not
 * lost. The tasks, and {@linkcode RUNS}, are leased meanwhile, so that two machines do not send the same.
 *
 * Never throws: what fails is a warning on standard error.
 */
export async function checkAlerts(request: AlertRequest, context: AlertContext): Promise<void> {
  const { config, host, signal } = context;
  if (config.alerts.length === 0 || signal.aborted) return;
  try {
    const failures = await failureChanges(request, context);
    const { changes: candidates } = await evaluate(
      request.tasks,
      request.state,
      host.clock.now(),
    );
    if (candidates.size + failures.length > 0) {
      const leases = [...candidates.keys(), ...(failures.length > 0 ? [RUNS] : [])];
      await sendChanges(request, leases, context);
    }
  } catch (error) {
    warn(host, `Checking for alerts failed: ${failureOf(error).message}`);
  }
}

/** What is to be sent about whole runs, and how that is remembered. */
interface FailureChange {
  readonly notice: AlertNotice;
  readonly remember: () => Promise<void>;
}

/** Whether runs fail or work again. An evaluation proves that the state and the config are usable. */
async function failureChanges(
  { run, store, state }: AlertRequest,
  { config, host }: AlertContext,
): Promise<FailureChange[]> {
  const beside = memoryBesideState(config);
  const inState = memoryInState(state);
  const changes: FailureChange[] = [];
  if (store instanceof CronfetchError) {
    if (await inState.isOpen()) return [];
    const notice = failedNotice(store, host.clock.now());
    return [{ notice, remember: () => inState.open(store, run) }];
  }
  for (const memory of store === "good" ? [beside, inState] : [beside]) {
    if (!await memory.isOpen()) continue;
    changes.push({ notice: RECOVERED_NOTICE, remember: () => memory.close() });
  }
  return changes;
}

/** A record, and what the evaluation changes in it. */
interface RecordChange extends AlertChange {
  readonly task: Task;
  readonly record: TaskRecord;
}

/** The tasks whose alerts change, by id; and those dates whose alerts stay open. */
interface Evaluation {
  readonly changes: ReadonlyMap<string, RecordChange>;
  readonly open: readonly DateAlerts[];
}

async function evaluate(
  tasks: readonly Task[],
  state: Pick<State, "records" | "batchSize">,
  now: Temporal.Instant,
): Promise<Evaluation> {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const ids = [...byId.keys()].sort();
  const { batchSize = ids.length } = state;
  const size = ids.length > MOST_AT_ONCE ? batchSize : ids.length;
  const changes = new Map<string, RecordChange>();
  const open: DateAlerts[] = [];
  for (let start = 0; start < ids.length; start += size) {
    const records = await state.records(ids.slice(start, start + size));
    for (const [id, record] of records) {
      const task = byId.get(id);
      const change = task && alertChange(task, record, now);
      if (change) changes.set(id, { ...change, task, record });
      else if (task && isDate(task) && record.alerted) {
        open.push({ task, before: record.alerted, after: record.alerted, notices: [] });
      }
    }
  }
  return { changes, open };
}

/** The open alerts of dates that are not evaluated. */
async function openAlerts(
  dates: readonly Task[],
  state: Pick<State, "records">,
): Promise<DateAlerts[]> {
  if (dates.length === 0) return [];
  const records = await state.records(dates.map(({ id }) => id));
  return dates.flatMap((task): DateAlerts[] => {
    const open = records.get(task.id)?.alerted;
    return open === undefined ? [] : [{ task, before: open, after: open, notices: [] }];
  });
}

function isDate({ origin }: Task): boolean {
  return origin?.kind === "date";
}

/** What is to be sent: about dates, one notice per task. */
async function noticesOf({ changes, open }: Evaluation): Promise<readonly AlertNotice[]> {
  const { dates = [], others = [] } = Object.groupBy(
    changes.values(),
    ({ task }) => isDate(task) ? "dates" : "others",
  );
  const notices = others.flatMap((change) => change.notices);
  if (dates.length === 0) return notices;
  const { combineNotices } = await import("../report/alerts/dates.ts");
  const changed = dates.map(({ task, record, alerted, notices }) => ({
    ...{ task, before: record.alerted ?? [], after: alerted, notices },
  }));
  return [...notices, ...combineNotices([...changed, ...open])];
}

async function sendChanges(
  request: AlertRequest,
  leases: readonly string[],
  context: AlertContext,
): Promise<void> {
  const { host } = context;
  const { tasks, run, state } = request;
  const holder = holderName(host);
  // Another run that has leased a task evaluates its alerts itself.
  const leased = await state.acquire(leases, holder, LEASE_MS);
  try {
    const failures = leased.has(RUNS) ? await failureChanges(request, context) : [];
    const own = tasks.filter(({ id }) => leased.has(id));
    const parents = new Set(own.filter(isDate).map(parentOf));
    const others = tasks.filter((task) => !leased.has(task.id) && parents.has(parentOf(task)))
      .filter(isDate);
    const evaluation = await evaluate(own, state, host.clock.now());
    const siblings = await openAlerts(others, state);
    const { changes } = evaluation;
    const notices = [
      ...failures.slice(0, 1).map(({ notice }) => notice),
      ...await noticesOf({ changes, open: [...evaluation.open, ...siblings] }),
    ];
    if (notices.length > 0 && !await sendNotices(notices, run, context)) return;
    for (const { record, alerted } of changes.values()) {
      const { alerted: _, ...rest } = record;
      state.save(alerted.length === 0 ? rest : { ...rest, alerted });
    }
    for (const { remember } of failures) await remember();
  } finally {
    await state.release(holder);
  }
}

/**
 * Sends an alert about a run that failed before a task started, unless one is open.
 *
 * Never throws: what fails is a warning on standard error.
 *
 * @param state Remembers the alert; null if it is the state that failed.
 */
export async function alertFailedRun(
  error: CronfetchError,
  state: State | null,
  context: AlertContext,
): Promise<void> {
  const { config, host, signal } = context;
  if (signal.aborted || error.code === "cancelled") return;
  const memory = state === null ? memoryBesideState(config) : memoryInState(state);
  const holder = holderName(host);
  try {
    // A state that cannot lease may be why the run failed, and then each process reports it.
    const leased = await state?.acquire([RUNS], holder, LEASE_MS).catch(() => null);
    if (leased?.size === 0 || await memory.isOpen()) return;
    const sent = await sendNotices([failedNotice(error, host.clock.now())], null, context);
    if (sent) await memory.open(error, null);
  } catch (failure) {
    warn(host, `Recording an alert failed: ${failureOf(failure).message}`);
  } finally {
    await state?.release(holder).catch(() => {});
  }
}

function holderName({ random }: Pick<Host, "random">): string {
  return `alerts-${random.name()}`;
}

/**
 * Sends one message with these notices to every target.
 *
 * @returns Whether at least one target accepted it.
 */
async function sendNotices(
  notices: readonly AlertNotice[],
  run: string | null,
  { config, host, signal }: AlertContext,
): Promise<boolean> {
  const { alerts, hosts, secrets, page } = config;
  const redact = createRedactor(secrets);
  const redacted = notices.map((notice) => {
    const { message } = notice;
    return { ...notice, message: message === null ? null : redact(message) };
  });
  const message = alertMessage(redacted, { run, link: page.publicUrl });
  await using sender = await openAlertSender({
    ...{ host, redact, signal },
    settingsOf: (origin) => serverSettings(hosts, origin),
  });
  const sent = await Promise.all(alerts.map(async (alert) => {
    try {
      await sender.send(alert, message);
      return true;
    } catch (error) {
      const { hint } = error as TargetFailure;
      const advice = hint === null ? "" : `\nhint: ${hint}`;
      const target = describeTarget(alert, redact);
      warn(host, `Sending an alert to ${target} failed: ${errorMessage(error)}`, advice);
      return false;
    }
  }));
  return sent.includes(true);
}

function warn({ stderr }: Pick<Host, "stderr">, sentence: string, advice = ""): void {
  stderr.write(`warning: ${escapeControl(sentence)}${advice}\n`);
}
