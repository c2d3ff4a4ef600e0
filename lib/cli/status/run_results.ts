/** `status --run`: the recorded results of one run. */

import { RUNS_KEPT } from "../../state/history.ts";
import { CronfetchError } from "../../core/errors.ts";
import { exitCodeMeaning, TASK_STATUSES } from "../../core/result.ts";
import { escapeControl } from "../../core/text.ts";
import { localTimeText } from "../../core/time.ts";
import {
  countWords,
  formatBytes,
  formatCount,
  formatDuration,
  formatSize,
  plural,
} from "../../report/format.ts";
import { STATUS_STYLES } from "../../report/lines.ts";
import { shortReason } from "../../report/reason.ts";
import type { RunTaskResult } from "../../state/run_record.ts";
import type { RunRecord, State } from "../../state/state.ts";
import { type TableColumn, type TableFormat, tableLines, wrapLine } from "../table.ts";
import { relativeText } from "./overview.ts";

/** The newest run, as the value of `--run`. */
const LAST = "last";

/** Runs that an error names. */
const NAMED_RUNS = 3;

/**
 * Finds the run that `--run` names.
 *
 * @param name Its id, the beginning of the id of only one run, or `last`.
 * @throws {CronfetchError} `usage`, with the ids of some runs; and any `state.` code.
 */
export async function findRun(name: string, state: Pick<State, "runs">): Promise<RunRecord> {
  const runs = await state.runs(RUNS_KEPT);
  const exact = name === LAST ? runs[0] : runs.find(({ run }) => run === name);
  const matches = exact ? [exact] : runs.filter(({ run }) => run.startsWith(name));
  const [found, second] = matches;
  if (found && !second) return found;
  const others = (second ? matches : runs).slice(0, NAMED_RUNS).map(({ run }) => run);
  const problem = second
    ? `${JSON.stringify(name)} is the beginning of ${formatCount(matches.length)} runs`
    : `There is no run ${JSON.stringify(name)} in the state`;
  const hint = others.length === 0
    ? "no run is recorded yet: cronfetch run starts one"
    : `${second ? "they are" : "the last runs are"} ${others.join(", ")}; ` +
      `"${LAST}" is the newest run`;
  throw new CronfetchError("usage", problem, { hint });
}

const COLUMNS: readonly TableColumn[] = [
  { name: "result", narrow: "keep" },
  { name: "task", narrow: "cut" },
  { name: "size", narrow: 1 },
  { name: "reason", narrow: "wrap" },
];

/** How a run is shown. */
export interface RunFormat extends TableFormat {
  readonly now: Temporal.Instant;
  /** Name of a time zone. */
  readonly timezone: string;
  readonly redact: (text: string) => string;
}

/**
 * The lines of a run: its times and figures, and a row for each result.
 *
 * @param results The results to show.
 * @param keptCount Number of its results in the state.
 */
export function runLines(
  record: RunRecord,
  results: readonly RunTaskResult[],
  keptCount: number,
  format: RunFormat,
): string[] {
  const { now, timezone, redact } = format;
  const { run, startedAt, summary, trigger, error, tasks } = record;
  const started = localTimeText(Temporal.Instant.from(startedAt), timezone);
  const meaning = exitCodeMeaning(summary.exitCode)?.label;
  const facts = [
    `started ${started} (${relativeText(startedAt, now)})${trigger ? `, trigger: ${trigger}` : ""}`,
    `took ${formatDuration(summary.durationMs)}, received ${formatBytes(summary.bytes)}`,
    `${tasks === undefined ? "" : `${plural(tasks, "task")}: `}${
      countWords(summary.counts, TASK_STATUSES).join(", ") || "no result"
    }`,
    `exit code ${summary.exitCode}${meaning === undefined ? "" : `: ${meaning}`}`,
    ...(error === undefined ? [] : [`error: ${redact(error)}`]),
  ];
  const rows = results.map((result) => ({
    style: STATUS_STYLES[result.status],
    cells: [
      result.status,
      result.task,
      result.sizeBytes === null ? "" : formatSize(result.sizeBytes, result.previousSizeBytes),
      redact(shortReason(result) ?? ""),
    ],
  }));
  const changed = Object.entries(summary.counts)
    .filter(([status]) => status !== "unchanged" && status !== "skipped")
    .reduce((sum, [, count]) => sum + count, 0);
  const missing = changed - keptCount;
  return [
    `run ${format.paint("strong", escapeControl(run))}`,
    ...facts.flatMap((fact) => wrapLine(`  ${escapeControl(fact)}`, format)),
    ...tableLines(COLUMNS, rows, format),
    ...(missing > 0 ? wrapLine(`Not in the state: ${plural(missing, "result")}.`, format) : []),
  ];
}
