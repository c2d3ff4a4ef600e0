/** The details of one task in `status TASK`. Pure. */

import { STATUS_STYLES } from "../../report/lines.ts";
import { isListKey, shownKey } from "../../core/key.ts";
import { escapeControl } from "../../core/text.ts";
import { localTimeText } from "../../core/time.ts";
import { countItems } from "../../lists/items.ts";
import { formatBytes, formatCount, itemsText, plural } from "../../report/format.ts";
import { failureHint, messageOf } from "../../report/reason.ts";
import { describeSchedule, nextDueTimes } from "../../schedule/due.ts";
import { dueMemory } from "../../state/record.ts";
import type { Delivery, FamilyMember, RecentResult, TaskRecord } from "../../state/state.ts";
import { DUE_TIMES } from "../plan.ts";
import { type TableFormat, wrapText } from "../table.ts";
import { HEALTH_STYLES, relativeText, type TaskEntry } from "./overview.ts";

/** What the details of a task are derived from. */
export interface TaskFacts extends TaskEntry {
  /** The other files of its family: versions, earlier files, quarantined content. */
  readonly family: readonly FamilyMember[];
  /** The changes that its hooks have not received. */
  readonly outbox: readonly Delivery[];
  /** Its URL, redacted. */
  readonly url: string;
  readonly redact: (text: string) => string;
  readonly now: Temporal.Instant;
}

/** Width of the labels. */
const LABEL_COLUMNS = 11;

/** Files of a family that are listed. */
const MOST_MEMBERS = 10;

/** Items that are listed: of those that are gone, and of those that are left out. */
const MOST_ITEMS = 20;

/**
 * The lines of a task: where its file comes from and is, its times, and its recent results.
 *
 * @param place What precedes a key: `downloads/`.
 */
export function detailLines(facts: TaskFacts, place: string, format: TableFormat): string[] {
  const { task, record, health, url } = facts;
  const published = record?.published ?? null;
  const rows: (readonly [label: string, ...texts: string[]])[] = [
    ["url", url],
    ["file", isListKey(task.key) ? shownKey(task.key) : place + (published?.key ?? task.key)],
    ...(published ? publishedRows(published) : []),
    ["schedule", describeSchedule(task.schedule, task.timezone)],
    ["changed", timeText(record?.changedAt ?? null, facts)],
    ["last good", timeText(health.lastSuccessAt, facts)],
    ["last run", timeText(health.lastRunAt, facts)],
    ["next due", ...dueTexts(facts)],
    ...(record?.part ? [partRow(record.part)] : []),
    ...itemRows(facts),
    ...hookRows(facts),
    ...memberRows(facts, place),
  ];
  const style = HEALTH_STYLES[health.health];
  const stale = health.stale && health.health !== "stale" ? ", stale" : "";
  const streak = health.failures > 1 ? `, ${plural(health.failures, "failure")} in a row` : "";
  const results = record?.results ?? [];
  return [
    `${format.paint("strong", escapeControl(task.id))}: ` +
    `${format.paint(style, health.health)}${stale}${streak}`,
    ...rows.flatMap((row) => labelledLines(row, format)),
    ...(results.length === 0 ? [] : ["  results"]),
    ...results.flatMap((result) => resultLines(result, facts, format)),
  ].map((line) => line.trimEnd());
}

function partRow({ sizeBytes, totalBytes }: NonNullable<TaskRecord["part"]>) {
  const total = totalBytes === null ? "" : ` of ${formatBytes(totalBytes)}`;
  return ["partial", `${formatBytes(sizeBytes)}${total} kept; the next run resumes it`] as const;
}

/** The changes that hooks have not received, and why. */
function hookRows(facts: TaskFacts): (readonly [label: string, ...texts: string[]])[] {
  const [first, ...others] = facts.outbox;
  if (first === undefined) return [];
  const { message, failures, retryAt } = first;
  const count = `${plural(others.length + 1, "change")} not delivered`;
  const texts = message === null ? [count] : [
    `${count}; ${plural(failures, "failure")} in a row: ${facts.redact(message)}`,
    ...(retryAt === null ? [] : [`next attempt ${timeText(retryAt, facts)}`]),
  ];
  return [["hooks", ...texts]];
}

/** The items of a list: their numbers, those that are gone, and those that are left out. */
function itemRows({ items, redact, now }: TaskFacts) {
  if (items === undefined) return [];
  const { gone, leftOut } = items;
  const rows = [
    ["items", itemsText(countItems(items))],
    [
      "gone",
      ...gone.map(({ task, goneSince }) => `${task.id}  ${relativeText(goneSince, now)}`),
    ],
    ["left out", ...leftOut.map(({ what, why }) => redact(`${what}: ${why}`))],
  ] as const;
  return rows.filter((row) => row.length > 1).map(([label, ...texts]) => {
    const rest = texts.length - MOST_ITEMS;
    const shown = texts.slice(0, MOST_ITEMS);
    return [label, ...shown, ...(rest > 0 ? [`and ${formatCount(rest)} more`] : [])] as const;
  });
}

function dueTexts(facts: TaskFacts): string[] {
  const { task, record, health, now } = facts;
  const times = nextDueTimes(task, dueMemory(record), now, DUE_TIMES)
    .map((time) => timeText(time.toString(), facts));
  if (health.due) return ["now", ...times];
  return times.length === 0 ? ["never by a schedule"] : times;
}

function publishedRows(
  { sizeBytes, sha256, etag, lastModified }: NonNullable<TaskRecord["published"]>,
): (readonly [label: string, text: string])[] {
  return [
    ["size", formatBytes(sizeBytes)],
    ["sha256", sha256],
    ...(etag === null ? [] : [["etag", etag] as const]),
    ...(lastModified === null ? [] : [["modified", lastModified] as const]),
  ];
}

const MEMBER_LABELS = {
  member: "members",
  version: "versions",
  file: "earlier",
  refused: "quarantine",
} as const;

/** The newest files of each kind of the family. */
function memberRows(
  facts: TaskFacts,
  place: string,
): (readonly [label: string, ...texts: string[]])[] {
  const { family, record } = facts;
  const kinds = ["member", "version", "file", "refused"] as const;
  return kinds.flatMap((kind) => {
    const members = family.filter((member) =>
      member.kind === kind && member.publishedAt !== null && member.key !== record?.published?.key
    ).toSorted((one, other) => (other.publishedAt ?? "") < (one.publishedAt ?? "") ? -1 : 1);
    if (members.length === 0) return [];
    const texts = members.slice(0, MOST_MEMBERS).map(({ key, sizeBytes, publishedAt }) =>
      `${place}${key}  ${formatBytes(sizeBytes)}  ${
        publishedAt === null ? "" : relativeText(publishedAt, facts.now)
      }`
    );
    const rest = members.length - MOST_MEMBERS;
    return [[MEMBER_LABELS[kind], ...texts, ...(rest > 0 ? [`and ${rest} more`] : [])] as const];
  });
}

/** A space at which a line is not broken. */
const KEPT_SPACE = "\u00a0";

/** An absolute and the relative time. */
function timeText(time: string | null, { task, now }: TaskFacts): string {
  if (time === null) return "never";
  const absolute = localTimeText(Temporal.Instant.from(time), task.timezone);
  return `${absolute} (${relativeText(time, now).replaceAll(" ", KEPT_SPACE)})`;
}

/** When a result was, its message, and what to do. */
function resultLines(result: RecentResult, facts: TaskFacts, format: TableFormat): string[] {
  const { status, times, at, since } = result;
  const { task, redact } = facts;
  const begin = localTimeText(Temporal.Instant.from(since), task.timezone);
  const streak = times === 1 ? "" : `, ${times} times since ${begin}`;
  const head = `${timeText(at, facts)} `;
  const message = messageOf(result);
  const hint = status === "failed" ? failureHint(result) : null;
  const texts = [
    ...(message === null ? [] : [redact(message)]),
    ...(hint === null ? [] : [`hint: ${hint}`]),
  ];
  const painted = format.paint(STATUS_STYLES[status], status);
  const first = wrapped(`${head}${status}${streak}`, 4, format).map((line) =>
    line.includes(status) ? line.replace(status, painted) : line
  );
  return [...first, ...texts.flatMap((text) => wrapped(text, 6, format))];
}

/** A label and its texts, each wrapped below the first. */
export function labelledLines(
  [label, ...texts]: readonly [label: string, ...texts: string[]],
  format: TableFormat,
): string[] {
  const indent = 2 + LABEL_COLUMNS;
  return texts.flatMap((text) => wrapped(text, indent, format)).map((line, index) =>
    index === 0 ? `  ${label.padEnd(LABEL_COLUMNS)}${line.slice(indent)}` : line
  );
}

/** Breaks a text to lines with an indentation. Control characters are escaped. */
function wrapped(text: string, indent: number, { width }: TableFormat): string[] {
  const escaped = escapeControl(text);
  const lines = width === null ? [escaped] : wrapText(escaped, Math.max(1, width - indent));
  return lines.map((line) => " ".repeat(indent) + line.replaceAll(KEPT_SPACE, " "));
}
