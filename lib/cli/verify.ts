/** `verify`: published files against their recorded digests. No network. */

import type { Flags } from "./flags.ts";
import { ownFilesOf } from "../config/own_files.ts";
import { createRedactor } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import { reservedKey } from "../core/ownership.ts";
import { EXIT } from "../core/result.ts";
import { formatCount, type Style } from "../report/format.ts";
import { openStore } from "../store/open.ts";
import {
  compareFiles,
  type Comparison,
  forgetPublished,
  knownKeys,
  otherFiles,
  publishedEntries,
  type Verdict,
} from "./verify_files.ts";
import { prepare } from "./prepare.ts";
import { recall } from "./recall.ts";
import { coloredColumns, paintFor, writeLines, writeRows } from "./output.ts";
import { stopOnSignals } from "./signals.ts";

/** How each verdict is shown, and whether it is a difference. */
const VERDICTS = {
  good: { style: "good", differs: false },
  unrecorded: { style: "faint", differs: false },
  edited: { style: "bad", differs: true },
  missing: { style: "bad", differs: true },
  unreadable: { style: "bad", differs: true },
  extra: { style: "warning", differs: true },
} as const satisfies Record<Verdict, { readonly style: Style; readonly differs: boolean }>;

/** A comparison, and what was done about it. */
type Row = Comparison & {
  /** Whether the next run fetches the file again, or its record was removed. */
  readonly forgotten: boolean;
};

/**
 * Reads every published file, and tells which are not what was published, which
 * are missing, and which nobody knows. With `--fix` the next run fetches anew
 * what is edited or missing; until then the files differ, and the exit code
 * says so. When tasks are asked for, only their files are looked at.
 *
 * @param operands Ids of tasks.
 * @returns 3 if something differs, 130 or 143 if interrupted.
 */
export async function verify(
  operands: readonly string[],
  flags: Flags,
  host: Host,
): Promise<number> {
  const { config, tasks, asked } = await prepare(operands, flags, host);
  using stop = stopOnSignals(host);
  const { signal } = stop;
  const { clock, timers } = host;
  await using state = await recall(config.state, host);
  await using store = await openStore(config.store, { sync: config.sync }, host);
  using _heeding = store.abortOn(signal);
  const records = asked ? await state.records(asked) : await state.allRecords();
  const families = await state.members(records.keys());
  const entries = publishedEntries(records, families, new Set(tasks.map((task) => task.id)));
  const comparisons: Comparison[] = [];
  try {
    comparisons.push(...await compareFiles(entries, { store, signal, clock, timers }));
    if (!asked) {
      const dated = new Set(config.tasks.filter((one) => one.dated).map((one) => one.task.id));
      const own = ownFilesOf(config);
      const others = await otherFiles({
        recorded: new Set(entries.map(({ published }) => published.key)),
        isKnown: knownKeys(tasks, dated),
        store,
        signal,
      });
      // Files of cronfetch itself, and of git, are in no task's way, nor left over.
      comparisons.push(...others.filter(({ key }) => reservedKey(key, false, own) === null));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    writeLines(["Interrupted; nothing was changed."], host);
    return stop.exitCode();
  }
  const wrong = comparisons.filter(({ verdict }) => verdict === "edited" || verdict === "missing");
  const named = new Set(tasks.filter((task) => task.namedByServer).map(({ id }) => id));
  const forgotten = flags.fix
    ? await forgetPublished(wrong, named, state, host)
    : new Set<string>();
  const redact = createRedactor(config.secrets);
  const rows = comparisons.map((comparison): Row => ({
    ...comparison,
    message: comparison.message === null ? null : redact(comparison.message),
    forgotten: comparison.task !== null && forgotten.has(comparison.key),
  }));
  if (flags.json) await writeRows(rows, host);
  else writeLines(linesFor(rows, flags.fix, host), host);
  return rows.some(({ verdict }) => VERDICTS[verdict].differs) ? EXIT.failed : EXIT.good;
}

function linesFor(rows: readonly Row[], fix: boolean, host: Host): string[] {
  const different = rows.filter(({ verdict }) => VERDICTS[verdict].differs);
  const lines = coloredColumns(
    different.map((row) => ({
      style: VERDICTS[row.verdict].style,
      cells: [row.verdict, row.key, row.task ?? "", detail(row, fix)],
    })),
    paintFor(host),
  );
  return [...lines, totalLine(rows)];
}

function detail({ verdict, message, isNewest, forgotten }: Row, fix: boolean): string {
  switch (verdict) {
    case "edited":
    case "missing":
      if (!isNewest && forgotten) return "an older file; it is no longer recorded";
      if (!isNewest && !fix) return "an older file, fetched by no run; --fix removes its record";
      if (forgotten) return "the next run fetches it anew";
      return fix ? "left alone: a run is working on it" : "--fix makes the next run fetch it anew";
    case "unreadable":
      return message ?? "";
    case "extra":
      return "no task knows it";
    case "good":
    case "unrecorded":
      return "";
    default:
      return verdict satisfies never;
  }
}

function totalLine(rows: readonly Row[]): string {
  const counts = Object.keys(VERDICTS)
    .map((verdict) => [verdict, rows.filter((row) => row.verdict === verdict).length] as const)
    .filter(([, count]) => count > 0)
    .map(([verdict, count]) => `${formatCount(count)} ${verdict}`);
  return counts.length === 0 ? "Nothing is published yet." : counts.join(", ");
}
