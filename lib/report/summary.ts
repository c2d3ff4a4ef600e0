/** The end of a run as lines of text: what changed, what failed, and the totals. Pure. */

import type { ListedResults } from "./listed_results.ts";
import { hangingLines, type LineLayout, type LineText } from "./hanging_lines.ts";
import {
  EXIT,
  exitCodeMeaning,
  type RunSummary,
  TASK_STATUSES,
  type TaskResult,
} from "../core/result.ts";
import { capitalized, escapeControl } from "../core/text.ts";
import {
  countWords,
  displayWidth,
  formatBytes,
  formatCount,
  formatDuration,
  formatSizeChange,
  padColumns,
  type Paint,
  plural,
  type Style,
  truncateMiddle,
  wrapWords,
} from "./format.ts";
import {
  type Destination,
  failureTexts,
  fileName,
  type LineStyle,
  pendingMessage,
  WARNINGS,
} from "./lines.ts";

/**
 * The results that a terminal has not shown yet: written files, failures, changes of health and
 * warnings.
 *
 * @returns Lines without line feeds; none if nothing changed or failed.
 */
export function listedLines(
  listed: ListedResults,
  style: LineStyle,
): string[] {
  return [
    ...writtenLines(listed.written, style),
    ...pendingLines(listed.pending, style),
    ...failureLines(listed, style),
    ...recoveryLines(listed.recovered, style),
    ...warningLines(listed.warned, style),
  ];
}

/** A terminal from this width on has room for the status of a file. */
const STATUS_COLUMNS = 60;

function writtenLines(
  { first, count }: ListedResults["written"],
  { paint, columns, destination }: LineStyle,
): string[] {
  if (count === 0) return [];
  const { compare } = new Intl.Collator("en", { numeric: true });
  const sorted = first.toSorted((one, other) => compare(one.key, other.key));
  const isWide = columns === null || columns >= STATUS_COLUMNS;
  const sizes = sorted.map(({ sizeBytes, bytes }) => formatBytes(sizeBytes ?? bytes));
  const sizeColumns = Math.max(...sizes.map((size) => size.length));
  const changes = sorted.map((result) => describeChange(result, isWide));
  const detailColumns = 2 + sizeColumns + 2 + Math.max(...changes.map((change) => change.length));
  const free = columns === null ? Infinity : columns - 1 - MARK_COLUMNS - detailColumns;
  const names = sorted.map((result) => escapeControl(fileName(result, destination)));
  const nameColumns = Math.min(Math.max(8, free), Math.max(...names.map(displayWidth)));
  const lines = names.map((name, index) => {
    const shown = padColumns(truncateMiddle(name, nameColumns), nameColumns);
    const size = (sizes[index] ?? "").padStart(sizeColumns);
    return `${paint("good", "✓")} ${shown}  ${size}  ${changes[index]}`.trimEnd();
  });
  if (count > first.length) lines.push(moreLine(count - first.length, "created or updated"));
  return lines;
}

/** `created`, `updated +12 kB`; in short `created`, `+12 kB`. */
function describeChange(
  { status, sizeBytes, previousSizeBytes }: TaskResult,
  isWide: boolean,
): string {
  if (previousSizeBytes === null || sizeBytes === null) return status;
  const change = formatSizeChange(previousSizeBytes, sizeBytes);
  return isWide ? `${status}  ${change}` : change;
}

/** Width of a mark and a space. */
const MARK_COLUMNS = 2;

function moreLine(count: number, what: string): string {
  return `  and ${formatCount(count)} more ${what}; -v lists all`;
}

function pendingLines({ first, count }: ListedResults["pending"], style: LineStyle): string[] {
  const nameColumns = markedColumns(first.map(({ task }) => task), style);
  const lines = first.flatMap((result) => {
    const texts = [{ text: pendingMessage(result) }];
    return markedLines(["-", "faint"], result.task, nameColumns, texts, style);
  });
  if (count > first.length) lines.push(moreLine(count - first.length, "not published yet"));
  return lines;
}

function failureLines({ failures, unhealthy }: ListedResults, style: LineStyle): string[] {
  const { first, count } = failures;
  const nameColumns = markedColumns(first.map(({ task }) => task), style);
  const lines = first.flatMap((result) => {
    const { status, task } = result;
    const [mark, color] = status === "failed" ? ["✗", "bad"] as const : ["!", "warning"] as const;
    const inARow = unhealthy.get(task);
    const note = inARow === undefined ? "" : `; unhealthy: ${plural(inARow, "failure")} in a row`;
    const texts = failureTexts(result, note);
    return markedLines([mark, color], task, nameColumns, texts, style);
  });
  if (count > first.length) lines.push(moreLine(count - first.length, "failed or deferred"));
  return lines;
}

function recoveryLines({ first, count }: ListedResults["recovered"], style: LineStyle): string[] {
  const nameColumns = markedColumns(first, style);
  const texts = [{ text: "healthy again" }];
  const lines = first.flatMap((task) =>
    markedLines(["✓", "good"], task, nameColumns, texts, style)
  );
  if (count > first.length) lines.push(moreLine(count - first.length, "healthy again"));
  return lines;
}

/** Width of names beside which texts are aligned; longer names are on lines of their own. */
function markedColumns(tasks: readonly string[], { columns }: LineStyle): number {
  const most = columns === null ? Infinity : Math.floor(columns / 4);
  const widths = tasks.map((task) => displayWidth(escapeControl(task)));
  return Math.max(0, ...widths.filter((width) => width <= most));
}

function markedLines(
  [mark, color]: readonly [mark: string, color: Style],
  task: string,
  nameColumns: number,
  texts: readonly LineText[],
  style: LineStyle,
): string[] {
  const { columns } = style;
  const shown = escapeControl(task);
  const free = columns === null ? Infinity : columns - 1 - MARK_COLUMNS;
  const name = padColumns(truncateMiddle(shown, free), nameColumns);
  const head = {
    text: `${style.paint(color, mark)} ${name}  `,
    columns: MARK_COLUMNS + displayWidth(name) + 2,
    indent: MARK_COLUMNS + nameColumns + 2,
  };
  return hangingLines(head, texts, style);
}

/** Tasks named by a warning. */
const NAMED = 5;

function warningLines(warned: ListedResults["warned"], style: LineStyle): string[] {
  return [...warned].flatMap(([warning, { first, count }]) => {
    const names = first.slice(0, NAMED).map(escapeControl).join(", ");
    const more = count > NAMED ? ` and ${formatCount(count - NAMED)} more` : "";
    const head = { text: "", columns: 0, indent: 2 };
    const text = `warning: ${names}${more}: ${WARNINGS[warning]}`;
    return hangingLines(head, [{ text, prefix: "warning" }], style);
  });
}

/**
 * The last lines of a run: what is kept to resume, the totals and the destination, and the meaning
 * of an exit code other than 0.
 */
export function totalLines(
  summary: RunSummary,
  listed: ListedResults,
  { paint, columns, destination }: LineStyle,
): string[] {
  const free = columns === null ? Infinity : columns - 1;
  const wrapped = (text: string) => wrapWords(text.split(" "), { first: free, rest: free });
  const lines = partialText(listed).flatMap(wrapped);
  const totals = wrapWords(totalsParts(summary, destination), { first: free, rest: free });
  lines.push(
    ...totals.map((line) => paint(summary.exitCode === EXIT.good ? "good" : "strong", line)),
  );
  return [...lines, ...closingLines(summary, { paint, columns })];
}

/** The meaning of an exit code other than 0, as one sentence. */
export function closingLines(
  summary: RunSummary,
  { paint, columns }: LineLayout,
): string[] {
  if (summary.exitCode === EXIT.good) return [];
  const free = columns === null ? Infinity : columns - 1;
  const words = closingText(summary).split(" ");
  return wrapWords(words, { first: free, rest: free })
    .map((line) => paint(closingStyle(summary), line));
}

/** `kept 22.3 MB of big.bin, which the next run resumes`. */
function partialText({ partial: { first, count }, partialBytes }: ListedResults): string[] {
  const [only] = first;
  if (only === undefined) return [];
  const what = count === 1 ? escapeControl(only.task) : plural(count, "file");
  return [`kept ${formatBytes(partialBytes)} of ${what}, which the next run resumes`];
}

/** `1 created, 9 unchanged; 62.9 MB in 4.2s → downloads`, in parts that are not wrapped. */
function totalsParts(
  { counts, bytes, durationMs }: RunSummary,
  { store }: Destination,
): string[] {
  const words = countWords(counts, TASK_STATUSES);
  if (words.length === 0) return ["nothing to do"];
  const last = words.pop() ?? "";
  return [
    ...words.map((word) => `${word},`),
    ...(bytes === 0 ? [last] : [`${last};`, formatBytes(bytes)]),
    `in ${formatDuration(durationMs)}`,
    ...(store === null ? [] : [`→ ${escapeControl(store)}`]),
  ];
}

/**
 * The meaning of the exit code as one sentence, with the code unless it is 0.
 */
export function closingLine(summary: RunSummary, paint: Paint): string {
  return paint(closingStyle(summary), closingText(summary));
}

function closingText(summary: RunSummary): string {
  const sentence = meaningOf(summary);
  return summary.exitCode === EXIT.good
    ? `${sentence}.`
    : `${sentence} (exit code ${summary.exitCode}).`;
}

function closingStyle({ exitCode }: RunSummary): Style {
  return exitCode === EXIT.good ? "good" : exitCode === EXIT.temporary ? "warning" : "bad";
}

function meaningOf({ counts, exitCode }: RunSummary): string {
  switch (exitCode) {
    case EXIT.good:
      return describeGood(counts);
    case EXIT.failed:
      return counts.failed === 1
        ? "1 task failed permanently"
        : `${formatCount(counts.failed)} tasks failed, at least one of them permanently`;
    case EXIT.temporary:
      return `${describeTemporary(counts)}; try again later`;
    default:
      return capitalized(exitCodeMeaning(exitCode)?.meaning ?? "the run ended early");
  }
}

function describeGood(
  { created, updated, unchanged, pending, skipped }: RunSummary["counts"],
): string {
  const good = created + updated + unchanged;
  const others = [
    ...(pending === 0 ? [] : [`${plural(pending, "file")} not published yet`]),
    ...(skipped === 0 ? [] : [`${plural(skipped, "task")} left to another run`]),
  ].join(", ");
  if (others === "") return good === 0 ? "There was nothing to do" : "Everything is up to date";
  return good === 0 ? others : `Everything else is up to date, ${others}`;
}

function describeTemporary({ failed, deferred }: RunSummary["counts"]): string {
  if (failed > 0 && deferred > 0) {
    return `${plural(failed, "task")} failed temporarily, ${formatCount(deferred)} deferred`;
  }
  if (failed > 0) return `${plural(failed, "task")} failed temporarily`;
  if (deferred > 0) return `${plural(deferred, "task")} deferred`;
  return "Some tasks could not be finished";
}
