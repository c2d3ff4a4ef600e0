/** `verify`: published files against their recorded digests. No network. */

import { join } from "@std/path";
import type { Flags } from "../cli.ts";
import type { Config } from "../config/config.ts";
import { createRedactor } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import { stateFile } from "../core/ownership.ts";
import { EXIT } from "../core/result.ts";
import type { Style } from "../report/color.ts";
import { formatCount } from "../report/format.ts";
import { openStore } from "../store/open.ts";
import { compareFiles, type Comparison, otherFiles, type Verdict } from "./compare.ts";
import { forgetPublished } from "./forget.ts";
import { knownKeys, publishedEntries } from "./inventory.ts";
import { prepare } from "./prepare.ts";
import { recall } from "./recall.ts";
import { coloredColumns, paintFor, writeLines, writeRows } from "./rows.ts";
import { stopOnSignals } from "./stop.ts";

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
  /** Whether the next run fetches the file anew. */
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
  using _heeding = store.heed(signal);
  const records = asked ? await state.records(asked) : await state.allRecords();
  const entries = publishedEntries(records, new Set(tasks.map((task) => task.id)));
  const comparisons: Comparison[] = [];
  try {
    comparisons.push(...await compareFiles(entries, { store, signal, clock, timers }));
    if (!asked) {
      const dated = new Set(config.tasks.filter((one) => one.dated).map((one) => one.task.id));
      const isOwn = ownFiles(config);
      const others = await otherFiles({
        recorded: new Set(entries.map(({ published }) => published.key)),
        isKnown: knownKeys(tasks, dated),
        store,
        signal,
      });
      comparisons.push(...others.filter(({ key }) => !isOwn(key)));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    writeLines(["Interrupted; nothing was changed."], host);
    return stop.exitCode();
  }
  const wrong = comparisons.filter(({ verdict }) => verdict === "edited" || verdict === "missing");
  const forgotten = flags.fix ? await forgetPublished(wrong, state, host) : new Set<string>();
  const redact = createRedactor(config.secrets);
  const rows = comparisons.map((comparison): Row => ({
    ...comparison,
    message: comparison.message === null ? null : redact(comparison.message),
    forgotten: comparison.task !== null && forgotten.has(comparison.task),
  }));
  if (flags.json) await writeRows(rows, host);
  else writeLines(linesFor(rows, flags.fix, host), host);
  return rows.some(({ verdict }) => VERDICTS[verdict].differs) ? EXIT.failed : EXIT.good;
}

/** Makes the test for files of cronfetch that a store may hold beside what it published. */
function ownFiles({ store, state, files }: Config): (key: string) => boolean {
  const stateAt = stateFile(state);
  return (key) => {
    const path = join(store, key);
    // What stands beside a state begins with its name: its lock, the database's journal.
    return files.includes(path) || (stateAt !== null && path.startsWith(stateAt));
  };
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

function detail({ verdict, message, forgotten }: Row, fix: boolean): string {
  switch (verdict) {
    case "edited":
    case "missing":
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
