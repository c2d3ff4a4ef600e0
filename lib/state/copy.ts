/** Copies a state to another driver. */

import { CronfetchError } from "../core/errors.ts";
import { type Contents, emptyContents, type StateDriver } from "./driver.ts";
import { COLLECTIONS, eachEntry, setEntry } from "./entries.ts";

/** Records and entries of one write, if the target does not write everything each time. */
const AT_ONCE = 5_000;

/** Runs are kept as long as possible: the next recorded run applies the `history` of the config. */
const WHOLE_HISTORY_MS = 100 * 365 * 24 * 60 * 60 * 1000;

/** Numbers of what a state has. */
export interface StateCounts {
  readonly records: number;
  /** Files of families, list items, results of runs, and undelivered changes. */
  readonly entries: number;
  readonly parked: number;
  readonly runs: number;
  readonly days: number;
}

/** Reads a whole state, except its leases. */
export async function readContents(driver: StateDriver): Promise<Contents> {
  const contents: Contents = { ...emptyContents(), records: await driver.records(null) };
  for (const collection of COLLECTIONS) {
    const owners = await driver.entries(collection, null);
    if (owners.size > 0) contents.entries.set(collection, owners);
  }
  for (const [host, until] of await driver.parked()) contents.parked.set(host, until);
  for (const [run, record] of await driver.runs()) contents.runs.set(run, record);
  for (const [day, counts] of await driver.days()) contents.days.set(day, counts);
  return contents;
}

/** Counts what a state has. */
export function countContents({ records, entries, parked, runs, days }: Contents): StateCounts {
  return {
    records: records.size,
    entries: eachEntry(entries).reduce((sum) => sum + 1, 0),
    ...{ parked: parked.size, runs: runs.size, days: days.size },
  };
}

/** Whether nothing was ever written. */
export function isEmpty(counts: StateCounts): boolean {
  return Object.values(counts).every((count) => count === 0);
}

/**
 * Copies everything except leases. Reads the whole state into memory.
 *
 * @param merges Whether the target may have contents: what both have is replaced, except days, which
 * are kept.
 * @returns The numbers of what was copied.
 * @throws {CronfetchError} `state.locked`: a run is in progress. `usage`: the target is not empty.
 */
export async function copyState(
  from: StateDriver,
  to: StateDriver,
  merges: boolean,
): Promise<StateCounts> {
  for (const { location, leasedTasks } of [from, to].map(leasesOf)) {
    if ((await leasedTasks()).size === 0) continue;
    const message = `copying the state ${location}: a run is in progress`;
    throw new CronfetchError("state.locked", message, {
      hint: "stop cronfetch, or wait until the leases of a crashed run have ended, a minute",
    });
  }
  const target = await readContents(to);
  if (!merges && !isEmpty(countContents(target))) {
    throw new CronfetchError("usage", `copying to the state ${to.location}: it is not empty`, {
      hint: "name a new one, or replace what both have by --force",
    });
  }
  const contents = await readContents(from);
  for (const day of target.days.keys()) contents.days.delete(day);
  const size = to.batchSize === undefined ? Infinity : AT_ONCE;
  for (const part of partsOf(contents, size)) await to.write(part, WHOLE_HISTORY_MS);
  return countContents(contents);
}

function leasesOf(driver: StateDriver): Pick<StateDriver, "location" | "leasedTasks"> {
  return { location: driver.location, leasedTasks: () => driver.leasedTasks() };
}

/** Splits contents: runs before their results, and everything small first. */
function* partsOf(contents: Contents, size: number): Generator<Contents> {
  let part: Contents = { ...contents, records: new Map(), entries: new Map() };
  let count = 0;
  for (const [task, record] of contents.records) {
    part.records.set(task, record);
    if (++count % size !== 0) continue;
    yield part;
    part = emptyContents();
  }
  for (const [collection, owner, id, body] of eachEntry(contents.entries)) {
    setEntry(part.entries, collection, owner, id, body);
    if (++count % size !== 0) continue;
    yield part;
    part = emptyContents();
  }
  yield part;
}
