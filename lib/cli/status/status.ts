/** `status`: each task's health. Sends no request and writes nothing. */

import { createRedactor, redactUrl } from "../../config/secrets.ts";
import type { Host } from "../../core/host.ts";
import { EXIT, TASK_STATUSES } from "../../core/result.ts";
import { parentOf } from "../../core/task.ts";
import { escapeControl } from "../../core/text.ts";
import { nextDueTimes } from "../../schedule/due.ts";
import { countWords, itemsText, plural } from "../../report/format.ts";
import { countItems, type ItemTasks } from "../../lists/items.ts";
import { shortReason } from "../../report/reason.ts";
import { needsAttention, taskHealth } from "../../report/task_health.ts";
import { dueMemory } from "../../state/record.ts";
import type { ActiveRun } from "../../state/run_record.ts";
import type { Delivery, FamilyMember, RunRecord, State } from "../../state/state.ts";
import { openExistingState } from "../../worker/storage.ts";
import type { Flags } from "../flags.ts";
import { printLines, storeText, tableFormat, writeRows } from "../output.ts";
import { DUE_TIMES } from "../plan.ts";
import { PASSIVE, prepare } from "../prepare.ts";
import { wrapLine } from "../table.ts";
import type { DatesEntry } from "./dates.ts";
import {
  hasProblem,
  overviewLines,
  relativeText,
  sortEntries,
  type TaskEntry,
} from "./overview.ts";
import { findRun, type RunFormat, runLines } from "./run_results.ts";
import { detailLines, type TaskFacts } from "./task_details.ts";

/**
 * Shows the health of every task and the last run, the details of the selected tasks, or the results
 * of a run.
 *
 * @param operands Ids of tasks.
 * @returns 3 if one of them is unhealthy or stale.
 */
export async function status(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const { config, tasks, selected, at } = await prepare(operands, flags, host, PASSIVE);
  await using state = await openExistingState(config.state, host, config.historyMs);
  const redact = createRedactor(config.secrets);
  if (flags.run !== undefined) {
    const timezone = tasks[0]?.timezone ?? "UTC";
    await showRun(await findRun(flags.run, state), selected, state, flags, {
      ...tableFormat(host),
      ...{ now: at, timezone, redact },
    }, host);
    return EXIT.good;
  }
  const chosen = tasks.filter((task) => selected?.has(task.id) ?? true);
  const records = await state.records(chosen.map((task) => task.id));
  const lists = chosen.some(({ origin }) => origin?.kind === "list")
    ? await (await import("../../lists/derive.ts"))
      .deriveLists(config.tasks, tasks.filter(({ origin }) => origin?.kind !== "item"), state)
    : null;
  const all = chosen.map((task): TaskEntry => {
    const record = records.get(task.id);
    const items = lists?.get(task.id);
    const note = items && { note: itemsText(countItems(items)) };
    return { task, record, health: taskHealth(task, record, at), items, ...note };
  });
  const dated = config.tasks.some(({ dates }) => dates !== undefined)
    ? await import("./dates.ts")
    : null;
  const groups = await dated?.groupDates(config.tasks, selected, all, { state, at }) ?? NO_GROUPS;
  const entries = flags.failing ? all.filter(hasProblem) : all;
  // Dates that are shown as one task.
  const shown = [
    ...entries.filter(({ task }) => !groups.has(parentOf(task) ?? "")),
    ...[...groups.values()].filter((group) => !flags.failing || hasProblem(group)),
  ];
  const families = selected ? await state.members(selected) : NO_FAMILIES;
  const hasHooks = chosen.some(({ onChange }) => onChange.length > 0);
  const outboxes = hasHooks && (flags.json || selected)
    ? await state.deliveries(selected)
    : NO_OUTBOXES;
  const factsOf = (entry: TaskEntry): TaskFacts => ({
    ...entry,
    outbox: outboxes.get(entry.task.id) ?? [],
    url: redactUrl(redact(entry.task.url)),
    family: families.get(entry.task.id) ?? [],
    redact,
    now: at,
  });
  const [lastRun] = flags.json || !selected ? await state.runs(1) : [];
  const active = flags.json || !selected ? await state.activeRuns() : [];
  if (flags.json) {
    const rows = entries.map(factsOf).map((fact) => ({
      ...rowOf(fact),
      ...(selected ? detailsOf(fact) : {}),
    }));
    await writeRows([
      ...rows,
      ...(dated === null ? [] : [...groups.values()].map(dated.datesRow)),
      ...active.map((run) => ({ type: "active", ...run })),
      ...(lastRun ? [{ type: "run", ...lastRun }] : []),
    ], host);
  } else if (selected) {
    const place = `${storeText(config.store, host)}/`;
    const format = tableFormat(host);
    const blocks = shown.map((entry) => {
      const group = groups.get(entry.task.id);
      return group !== undefined && dated !== null
        ? dated.datesLines(group, { now: at, redact }, format)
        : detailLines(factsOf(entry), place, format);
    });
    await printLines(blocks.flatMap((lines, index) => index === 0 ? lines : ["", ...lines]), host);
  } else {
    const format = tableFormat(host);
    const isComplete = flags.all || flags.failing;
    const table = overviewLines(sortEntries(shown), isComplete, { at, redact }, format);
    const none = flags.failing && entries.length === 0
      ? [`No problem: none of ${plural(all.length, "task")} is unhealthy, failing or stale.`]
      : [];
    const end = [...none, ...active.map((run) => activeLine(run, at)), runLine(lastRun, at)]
      .flatMap((line) => wrapLine(escapeControl(line), format));
    await printLines([...table, ...end], host);
  }
  return entries.some(({ health }) => needsAttention(health)) ? EXIT.failed : EXIT.good;
}

const NO_OUTBOXES: ReadonlyMap<string, Delivery[]> = new Map();

const NO_GROUPS: ReadonlyMap<string, DatesEntry> = new Map();

const NO_FAMILIES: ReadonlyMap<string, FamilyMember[]> = new Map();

/** The row of a task for `--json`. */
function rowOf({ record, health, items, outbox, redact }: TaskFacts) {
  const failed = record?.results.find(({ status }) => status === "failed");
  const reason = health.failures > 0 && failed ? shortReason(failed) : null;
  return {
    type: "task",
    ...health,
    changedAt: record?.changedAt ?? null,
    reason: reason === null ? null : redact(reason),
    undelivered: outbox.length,
    ...(items && { items: itemCounts(items) }),
  };
}

function itemCounts(items: ItemTasks) {
  const { tasks: count, gone, leftOut } = countItems(items);
  return { count, gone, leftOut };
}

/** What `--json` adds for a task that is named. */
function detailsOf({ task, record, items, family, outbox, url, redact, now }: TaskFacts) {
  return {
    url,
    key: record?.published?.key ?? task.key,
    published: record?.published ?? null,
    nextDueTimes: nextDueTimes(task, dueMemory(record), now, DUE_TIMES),
    family,
    ...(items && {
      gone: items.gone.map(({ task, goneSince }) => ({ task: task.id, goneSince })),
      leftOut: items.leftOut.map(({ count, what, why }) => {
        return { count, what: redact(what), why: redact(why) };
      }),
    }),
    changes: outbox.map(({ received: _, ...change }) => ({
      ...change,
      message: change.message === null ? null : redact(change.message),
    })),
    results: (record?.results ?? []).map((result) => ({
      ...result,
      message: result.message === null ? null : redact(result.message),
    })),
  };
}

function activeLine({ startedAt, tasks }: ActiveRun, at: Temporal.Instant): string {
  const since = startedAt === null ? "" : `, started ${relativeText(startedAt, at)}`;
  return `A run is in progress${since}: ${plural(tasks, "task")} not finished.`;
}

function runLine(run: RunRecord | undefined, at: Temporal.Instant): string {
  if (!run) return "No run is recorded.";
  const { summary, error } = run;
  const ended = `The last run ended ${relativeText(run.finishedAt, at)} ` +
    `with exit code ${summary.exitCode}`;
  const { unchanged: _, skipped: __, ...others } = summary.counts;
  const isPlain = Object.values(others).every((count) => count === 0);
  const reason = error ?? (isPlain ? null : countWords(summary.counts, TASK_STATUSES).join(", "));
  return reason === null ? `${ended}.` : `${ended}: ${reason}.`;
}

/** Shows the recorded results of a run, or those of the selected tasks. */
async function showRun(
  record: RunRecord,
  selected: ReadonlySet<string> | null,
  state: Pick<State, "runResults">,
  { json }: Pick<Flags, "json">,
  format: RunFormat,
  host: Host,
): Promise<void> {
  const { run } = record;
  const all = await state.runResults(run);
  const results = all.filter(({ task }) => selected?.has(task) ?? true);
  const { redact } = format;
  if (!json) return await printLines(runLines(record, results, all.length, format), host);
  await writeRows([
    { type: "run", ...record },
    ...results.map(({ message, ...result }) => ({
      ...{ type: "result", run, ...result },
      message: message === null ? null : redact(message),
    })),
  ], host);
}
