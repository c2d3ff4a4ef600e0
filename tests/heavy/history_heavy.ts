/** The size of the history after simulated years. */

import { assert, assertEquals } from "@std/assert";
import { recentOutcomes } from "../../lib/state/outcomes.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { DAILY_YEAR, writeYear, type Year } from "../helpers/history_year.ts";
import { testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";

const START = "2025-01-01T06:00:00Z";

/** Three tasks every five minutes, all of which fail. */
const FAILING_YEAR: Year = {
  tasks: 3,
  everyMinutes: 5,
  runs: 365 * 288,
  evaluations: 0,
  statusOf: () => "failed",
};

/** What a state has after a year. */
interface Kept {
  readonly runs: number;
  readonly results: number;
  readonly days: number;
  /** Bytes of the file of the state, and of its records alone. */
  readonly sizeBytes: number;
  readonly recordBytes: number;
}

/** @param runsPerWrite Runs from one flush to the next; each writes the whole file. */
async function keptAfter(year: Year, runsPerWrite: number): Promise<Kept> {
  await using folder = await temporaryFolder();
  const path = folder.file("state.json");
  const host = testHost({ now: START, timers: "manual" });
  {
    await using state = await openState(`file:${path}`, host);
    await writeYear(state, host, year, runsPerWrite);
  }
  await using state = await openState(`file:${path}`, host);
  const runs = await state.runs(10_000);
  const results = await Promise.all(runs.map(({ run }) => state.runResults(run)));
  const failures = runs.reduce((sum, { summary }) => sum + summary.counts.failed, 0);
  const kept = results.flat().filter(({ status }) => status === "failed").length;
  assertEquals(kept, Math.min(failures, 10_000), "failures of the kept runs");
  const records = await state.allRecords();
  for (const record of records.values()) assertEquals(recentOutcomes(record).length, 50);
  const text = await Deno.readTextFile(path);
  return {
    runs: runs.length,
    results: results.flat().length,
    days: (await state.days(1_000)).length,
    sizeBytes: text.length,
    recordBytes: JSON.stringify(JSON.parse(text).records).length,
  };
}

Deno.test("state: a year of daily runs of 200 tasks, and of evaluations every five minutes", async () => {
  const { runs, results, days, sizeBytes, recordBytes } = await keptAfter(DAILY_YEAR, 30);
  assertEquals([runs, days], [90, 365]);
  assert(results > 1_800 && results < 2_400, `${results} results`);
  assert(sizeBytes - recordBytes < 1_000_000, `${sizeBytes - recordBytes} bytes of history`);
});

Deno.test("state: a year of runs every five minutes in which every task fails", async () => {
  const { runs, results, days, sizeBytes, recordBytes } = await keptAfter(FAILING_YEAR, 288);
  assertEquals([runs, results, days], [1_000, 3_000, 366]);
  assert(sizeBytes - recordBytes < 2_000_000, `${sizeBytes - recordBytes} bytes of history`);
});
