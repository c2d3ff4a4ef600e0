/** Closes dates: what is kept of them shrinks, and they are not requested again. */

import type { TaskTemplate } from "../config/config.ts";
import { parentOf, type Plan, type Task } from "../core/task.ts";
import { daysBetween } from "../cron/calendar.ts";
import type { State, TaskRecord } from "../state/state.ts";
import { closedDate, type DatesTemplate, idOf, isFinal, windowOf, withDates } from "./dates.ts";

/** Closed dates of one task that are kept. The oldest are forgotten; their files stay. */
const MOST_CLOSED = 10_000;

/** The item with the first date that may have a record; the ids of the others are dates. */
const OPEN_SINCE = "open";

/** What closing uses. */
export interface CloseContext {
  readonly state: State;
  /** Id of the run, which leases the dates while it closes them, and releases them at its end. */
  readonly run: string;
  readonly at: Temporal.Instant;
  /** Milliseconds of the leases. */
  readonly leaseMs: number;
}

/**
 * Remembers that dates before the window get records, so that a later run closes them if this one is
 * killed.
 *
 * @throws {CronfetchError} Any `state.` code.
 */
export async function openDates(
  tasks: readonly TaskTemplate[],
  { entries }: Plan,
  { state, at }: Pick<CloseContext, "state" | "at">,
): Promise<void> {
  const first = new Map<string, string>();
  for (const { task: { origin }, included } of entries) {
    if (origin?.kind !== "date" || !included) continue;
    const { parent, date } = origin;
    if (date < (first.get(parent) ?? "9999")) first.set(parent, date);
  }
  const early = withDates(tasks).filter((template) =>
    (first.get(template.task.id) ?? "9999") < windowOf(template, at).since.toString()
  );
  if (early.length === 0) return;
  const items = await state.items(early.map(({ task }) => task.id));
  for (const { task: { id } } of early) {
    const date = first.get(id) ?? "";
    const since = items.get(id)?.get(OPEN_SINCE)?.since;
    if (typeof since !== "string" || date < since) {
      state.saveItem(id, OPEN_SINCE, { since: date });
    }
  }
  await state.flush();
}

/**
 * Replaces the records of dates by short entries: of those that are published, and either older than
 * `final` or not within the window. The record of a date outside the window that is not published is
 * removed: the date is not requested again.
 *
 * @param tasks Those of the config.
 * @param plan Of the run; a backfill has dates outside the window.
 * @throws {CronfetchError} Any `state.` code.
 */
export async function closeDates(
  tasks: readonly TaskTemplate[],
  { entries }: Plan,
  { state, run, at, leaseMs }: CloseContext,
): Promise<void> {
  const templates = withDates(tasks);
  const planned = Map.groupBy(
    entries.map(({ task }) => task).filter(({ origin }) => origin?.kind === "date"),
    (task) => parentOf(task) ?? "",
  );
  const items = await state.items(templates.map(({ task }) => task.id));
  const ended = templates.map((template) => {
    const { id } = template.task;
    const window = windowOf(template, at);
    const since = items.get(id)?.get(OPEN_SINCE)?.since;
    const first = typeof since === "string" ? Temporal.PlainDate.from(since) : window.since;
    return {
      ...{ template, window, since },
      dates: endedDates(template, { first, planned: planned.get(id) ?? [], window, at }),
    };
  });
  const ids = ended.flatMap(({ template: { task }, dates }) =>
    dates.map((date) => idOf(task, date))
  );
  const records = await state.records(ids);
  const isOutside = (date: string, { window }: typeof ended[number]) =>
    date < window.since.toString();
  const wanted = ended.flatMap((of) =>
    of.dates.flatMap((date) => {
      const record = records.get(idOf(of.template.task, date));
      const hasEnded = record && (record.published !== null || isOutside(date, of));
      return hasEnded ? [record.task] : [];
    })
  );
  const leased = wanted.length === 0 ? new Set() : await state.acquire(wanted, run, leaseMs);
  for (const of of ended) {
    const { template: { task }, dates, window, since } = of;
    let open = window.since.toString();
    for (const date of dates) {
      const record = records.get(idOf(task, date));
      if (record === undefined) continue;
      if (leased.has(record.task)) closeDate(task, date, record);
      // Another run works on it.
      else if (date < open) open = date;
    }
    if (open !== since) state.saveItem(task.id, OPEN_SINCE, { since: open });
    forgetOldest(task, items.get(task.id)?.keys() ?? []);
  }

  function closeDate(task: Task, date: string, record: TaskRecord): void {
    const { published, publishedAt } = record;
    if (published !== null) {
      state.saveItem(task.id, date, closedDate(published, publishedAt));
      const { key, sha256, sizeBytes } = published;
      // Proves that the task owns the name, should the date be requested again.
      if (task.namedByServer) {
        state.saveMember(record.task, { key, kind: "file", sha256, sizeBytes, publishedAt });
      }
    }
    state.removeRecord(record.task);
  }

  function forgetOldest({ id }: Task, known: Iterable<string>): void {
    const dates = [...known].filter((date) => date !== OPEN_SINCE).sort();
    for (const date of dates.slice(0, Math.max(0, dates.length - MOST_CLOSED))) {
      state.saveItem(id, date, null);
    }
  }
}

/** The dates that may have ended: outside the window, or older than `final`. */
function endedDates(
  template: DatesTemplate,
  { first, planned, window, at }: {
    readonly first: Temporal.PlainDate;
    readonly planned: readonly Task[];
    readonly window: ReturnType<typeof windowOf>;
    readonly at: Temporal.Instant;
  },
): string[] {
  const start = window.since.toString();
  // Every day, as the calendar of an earlier config may have had others.
  const all = daysBetween({ days: [{ kind: "days" }], holidays: new Set() }, first, window.until);
  const ofPlan = planned.flatMap(({ origin }) => origin?.kind === "date" ? [origin.date] : []);
  return [...new Set([...all, ...ofPlan])]
    .filter((date) => date < start || isFinal(template, date, at)).sort();
}
