/** The dates of a task with `dates`: which of them are tasks, and which are closed. */

import { taskOfDate, type TaskTemplate } from "../config/config.ts";
import type { DatesRule } from "../config/scope.ts";
import type { Task } from "../core/task.ts";
import { daysBetween } from "../cron/calendar.ts";
import { emptyRecord } from "../state/record.ts";
import type { ItemBody, State, TaskRecord } from "../state/state.ts";

/** A template with dates. */
export interface DatesTemplate extends TaskTemplate {
  readonly dates: DatesRule;
}

/** The templates with dates. */
export function withDates(templates: readonly TaskTemplate[]): DatesTemplate[] {
  return templates.filter((template): template is DatesTemplate => template.dates !== undefined);
}

/** A range of dates, both ends included. */
export interface DateSpan {
  readonly since: Temporal.PlainDate;
  readonly until: Temporal.PlainDate;
}

/** The span of `dates.last`, which ends with today in the task's time zone. */
export function windowOf({ task, dates }: DatesTemplate, at: Temporal.Instant): DateSpan {
  const until = at.toZonedDateTimeISO(task.timezone).toPlainDate();
  return { since: until.subtract(dates.last).add({ days: 1 }), until };
}

/** The part of a span that is not after today. */
function withoutFuture({ since, until }: DateSpan, { until: today }: DateSpan): DateSpan {
  return { since, until: Temporal.PlainDate.compare(until, today) < 0 ? until : today };
}

/** Whether a date is older than `dates.final`. */
export function isFinal(
  { task: { timezone }, dates: { finalMs } }: DatesTemplate,
  date: string,
  at: Temporal.Instant,
): boolean {
  if (finalMs === null) return false;
  const start = Temporal.PlainDate.from(date).toZonedDateTime(timezone).toInstant();
  return at.epochMilliseconds - start.epochMilliseconds > finalMs;
}

/** The part of a state that dates are read from. */
export type DateState = Pick<State, "items" | "records">;

/** Which dates become tasks. */
export interface DateRequest {
  readonly at: Temporal.Instant;
  /** Instead of the window; null for that. */
  readonly span: DateSpan | null;
  /** Whether closed dates are included. */
  readonly reopen: boolean;
}

/**
 * The tasks of dates that are not closed: of a template its days within the window or the span, the
 * oldest first. A published date older than `final` is closed.
 *
 * @returns By the id of the template's task.
 * @throws {CronfetchError} `config.invalid`, as `tasksOf`; any `state.` code.
 */
export async function datedTasks(
  templates: readonly DatesTemplate[],
  state: DateState,
  { at, span, reopen }: DateRequest,
): Promise<ReadonlyMap<string, readonly Task[]>> {
  const closed = await state.items(templates.map(({ task }) => task.id));
  const open = templates.map((template) => {
    const window = windowOf(template, at);
    const { since, until } = span === null ? window : withoutFuture(span, window);
    const known = closed.get(template.task.id);
    const dates = daysBetween(template.dates, since, until)
      .filter((date) => reopen || known?.has(date) !== true);
    return { template, dates };
  });
  const ids = open.flatMap(({ template: { task }, dates }) =>
    dates.map((date) => idOf(task, date))
  );
  const records = ids.length === 0 ? new Map<string, TaskRecord>() : await state.records(ids);
  return new Map(open.map(({ template, dates }) => {
    const { task } = template;
    const isOpen = (date: string) =>
      reopen || !isFinal(template, date, at) || !records.get(idOf(task, date))?.published;
    return [task.id, dates.filter(isOpen).map((date) => taskOfDate(template, date))];
  }));
}

/** The id of the task of a date. */
export function idOf({ id }: Pick<Task, "id">, date: string): string {
  return `${id}@${date}`;
}

/** The task of the id of a date, which need not be within the window; null for another id. */
export function taskOfId(id: string, templates: readonly DatesTemplate[]): Task | null {
  const end = id.lastIndexOf("@");
  const template = templates.find(({ task }) => task.id === id.slice(0, end));
  const date = id.slice(end + 1);
  return template !== undefined && isDate(date) ? taskOfDate(template, date) : null;
}

function isDate(text: string): boolean {
  try {
    return Temporal.PlainDate.from(text).toString() === text;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** What is kept of a closed date, in at most about 150 bytes; its id is the date. */
interface ClosedDate {
  readonly key: string;
  /** SHA-256 in base64url, which is a third shorter than hexadecimal. */
  readonly sha256: string;
  readonly size: number;
  /** When it was published, in seconds since the epoch. */
  readonly at: number;
  /** Of an archive that was unpacked. */
  readonly unpacked?: NonNullable<TaskRecord["published"]>["unpacked"];
}

/** What is kept of the published file of a date. */
export function closedDate(
  published: NonNullable<TaskRecord["published"]>,
  publishedAt: string | null,
): ItemBody {
  const { key, sha256, sizeBytes, unpacked } = published;
  const at = publishedAt === null ? 0 : Temporal.Instant.from(publishedAt).epochMilliseconds;
  const closed: ClosedDate = {
    key,
    sha256: Uint8Array.fromHex(sha256).toBase64({ alphabet: "base64url", omitPadding: true }),
    size: sizeBytes,
    at: Math.floor(at / 1_000),
    ...(unpacked && { unpacked }),
  };
  return { ...closed };
}

/** Whether an item is a closed date. */
export function isClosedDate(body: ItemBody): boolean {
  const { key, sha256, size, at } = body as Partial<ClosedDate>;
  return key !== undefined && sha256 !== undefined && size !== undefined && at !== undefined;
}

/** A closed date as a record; null for another item, or one of a later version. */
export function recordOfClosed(task: string, date: string, body: ItemBody): TaskRecord | null {
  const { key, sha256, size, at, unpacked } = body as Partial<ClosedDate>;
  if (key === undefined || sha256 === undefined || size === undefined || at === undefined) {
    return null;
  }
  const publishedAt = Temporal.Instant.fromEpochMilliseconds(at * 1_000).toString();
  return {
    ...emptyRecord(idOf({ id: task }, date)),
    published: {
      key,
      source: "",
      etag: null,
      lastModified: null,
      sha256: Uint8Array.fromBase64(sha256, { alphabet: "base64url" }).toHex(),
      sizeBytes: size,
      revision: "",
      ...(unpacked && { unpacked }),
    },
    publishedAt,
    changedAt: publishedAt,
    lastSuccessAt: publishedAt,
  };
}

/**
 * Reads the closed dates of templates as records.
 *
 * @param redact Redacts the URL that is recorded as the source; null for records without one.
 * @returns By id.
 */
export async function closedRecords(
  templates: readonly DatesTemplate[],
  state: Pick<State, "items">,
  redact: ((url: string) => string) | null,
): Promise<Map<string, TaskRecord>> {
  const records = new Map<string, TaskRecord>();
  if (templates.length === 0) return records;
  const items = await state.items(templates.map(({ task }) => task.id));
  for (const template of templates) {
    for (const [date, body] of items.get(template.task.id) ?? []) {
      const record = recordOfClosed(template.task.id, date, body);
      if (!record?.published) continue;
      const source = redact === null ? "" : redact(taskOfDate(template, date).url);
      records.set(record.task, { ...record, published: { ...record.published, source } });
    }
  }
  return records;
}
