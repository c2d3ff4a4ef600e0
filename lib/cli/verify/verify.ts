/** `verify`: checks published files against recorded digests. Sends no request to origins. */

import { ownFilesOf } from "../../config/own_files.ts";
import { createRedactor } from "../../config/secrets.ts";
import type { Host } from "../../core/host.ts";
import { reservedKey } from "../../core/ownership.ts";
import { isNamedByServer } from "../../core/task.ts";
import { EXIT } from "../../core/result.ts";
import { formatCount, type Style } from "../../report/format.ts";
import { closedRecords, withDates } from "../../lists/dates.ts";
import { abortOnSignals } from "../../worker/signals.ts";
import { openExistingState, openStorage } from "../../worker/storage.ts";
import type { Flags } from "../flags.ts";
import { printLines, tableFormat, writeLines, writeRows } from "../output.ts";
import { PASSIVE, prepare } from "../prepare.ts";
import { type TableColumn, type TableFormat, tableLines, wrapLine } from "../table.ts";
import {
  type Comparison,
  expectedFiles,
  invalidateFiles,
  knownKeys,
  otherFiles,
  type Verdict,
  verifyFiles,
} from "./files.ts";

/** How each verdict is shown, and whether it is a difference. */
const VERDICTS = {
  good: { style: "good", differs: false },
  unrecorded: { style: "faint", differs: false },
  edited: { style: "bad", differs: true },
  missing: { style: "bad", differs: true },
  unreadable: { style: "bad", differs: true },
  extra: { style: "warning", differs: true },
} as const satisfies Record<Verdict, { readonly style: Style; readonly differs: boolean }>;

/** A comparison, and whether its file was invalidated. */
type VerdictRow = Comparison & {
  /** Whether the next run fetches the file again, or its record was removed. */
  readonly forgotten: boolean;
};

/**
 * Reads every published file, and reports those that differ from their digests, are missing, or
 * belong to no task. With `--fix` the next run fetches edited and missing files again; the exit
 * code still reports them. If tasks are selected, only their files are checked.
 *
 * @param operands Ids of tasks.
 * @returns 3 if something differs, 130 or 143 if interrupted.
 */
export async function verify(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const { config, tasks, selected } = await prepare(operands, flags, host, PASSIVE);
  using signals = abortOnSignals(host);
  const { signal } = signals;
  const { clock, timers } = host;
  await using owned = new AsyncDisposableStack();
  const openState = openExistingState;
  const { state, openStore } = owned.use(await openStorage(config, host, { openState }));
  const store = await openStore(owned);
  using _abortable = store.abortOn(signal);
  const datesTasks = withDates(config.tasks)
    .filter(({ task: { id } }) => selected?.has(id) ?? true);
  const closed = await closedRecords(datesTasks, state, null);
  const open = selected ? await state.records(selected) : await state.allRecords();
  const records = new Map([...closed, ...open]);
  const families = await state.members(records.keys());
  const entries = expectedFiles(records, families, new Set(tasks.map((task) => task.id)))
    // No run requests a closed date.
    .map((entry) => closed.has(entry.task) ? { ...entry, isNewest: false } : entry);
  const comparisons: Comparison[] = [];
  try {
    comparisons.push(...await verifyFiles(entries, { store, signal, clock, timers }));
    if (!selected) {
      const templates = config.tasks.filter((one) => one.dated);
      const dated = new Set(templates.map((one) => one.task.id));
      const own = ownFilesOf(config);
      const others = await otherFiles({
        recorded: new Set(entries.map(({ published }) => published.key)),
        isKnown: knownKeys([...tasks, ...templates.map((one) => one.task)], dated),
        store,
        signal,
      });
      // The config, the state, and files of git are no leftovers.
      comparisons.push(...others.filter(({ key }) => reservedKey(key, false, own) === null));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    writeLines(["Interrupted; nothing was changed."], host);
    return signals.exitCode();
  }
  const wrong = comparisons.filter(({ verdict }) => verdict === "edited" || verdict === "missing");
  const named = new Set(tasks.filter(isNamedByServer).map(({ id }) => id));
  const forgotten = flags.fix
    ? await invalidateFiles(wrong, named, state, host, new Set(closed.keys()))
    : new Set<string>();
  const redact = createRedactor(config.secrets);
  const rows = comparisons.map((comparison): VerdictRow => ({
    ...comparison,
    message: comparison.message === null ? null : redact(comparison.message),
    forgotten: comparison.task !== null && forgotten.has(comparison.key),
  }));
  if (flags.json) await writeRows(rows, host);
  else await printLines(linesFor(rows, flags.fix, tableFormat(host)), host);
  return rows.some(({ verdict }) => VERDICTS[verdict].differs) ? EXIT.failed : EXIT.good;
}

/** Unrecorded files that are listed. */
const MOST_UNRECORDED = 20;

const COLUMNS: readonly TableColumn[] = [
  { name: "verdict", narrow: "keep" },
  { name: "file", narrow: "cut" },
  { name: "task", narrow: 1 },
  { name: "what to do", narrow: "wrap" },
];

/** The files that differ, the first ones without a record, and how many there are of each kind. */
function linesFor(rows: readonly VerdictRow[], fix: boolean, format: TableFormat): string[] {
  const different = rows.filter(({ verdict }) => VERDICTS[verdict].differs);
  const unrecorded = rows.filter(({ verdict }) => verdict === "unrecorded");
  const shown = [...different, ...unrecorded.slice(0, MOST_UNRECORDED)];
  const rest = unrecorded.length - MOST_UNRECORDED;
  return [
    ...tableLines(
      COLUMNS,
      shown.map((row) => ({
        style: VERDICTS[row.verdict].style,
        cells: [row.verdict, row.key, row.task ?? "", detail(row, fix)],
      })),
      format,
    ),
    ...(rest > 0 ? [`and ${formatCount(rest)} more unrecorded; --json lists them`] : []),
    ...wrapLine(totalLine(rows), format),
  ];
}

function detail({ verdict, message, isNewest, forgotten }: VerdictRow, fix: boolean): string {
  switch (verdict) {
    case "edited":
    case "missing":
      if (!isNewest && forgotten) return "an older file; its record was removed";
      if (!isNewest && !fix) return "an older file, which no run fetches; --fix removes its record";
      if (forgotten) return "its validators were removed; the next run fetches it again";
      return fix
        ? "not changed: a run is working on it"
        : "--fix makes the next run fetch it again";
    case "unreadable":
      return message ?? "";
    case "extra":
      return "belongs to no task; remove it if nothing else needs it";
    case "unrecorded":
      return "the name is that of a task, which has no record of it";
    case "good":
      return "";
    default:
      return verdict satisfies never;
  }
}

function totalLine(rows: readonly VerdictRow[]): string {
  const counts = Object.keys(VERDICTS)
    .map((verdict) => [verdict, rows.filter((row) => row.verdict === verdict).length] as const)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${formatCount(count)} ${verdict}`);
  return counts.length === 0 ? "No file is published yet." : counts.join(", ");
}
