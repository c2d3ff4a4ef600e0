/** `state migrate|check|copy`: the state itself, apart from runs. */

import { CronfetchError } from "../core/errors.ts";
import {
  locationText,
  parseStateLocation,
  stateFile,
  type StateLocation,
} from "../core/location.ts";
import { EXIT } from "../core/result.ts";
import { formatBytes, plural } from "../report/format.ts";
import {
  copyState,
  countContents,
  isEmpty,
  readContents,
  type StateCounts,
} from "../state/copy.ts";
import type { StateDriver } from "../state/driver.ts";
import { FORMAT } from "../state/format.ts";
import { openDriver } from "../state/open.ts";
import { isAbsent } from "../worker/storage.ts";
import { type CommandHost, type Flags, STATE_ACTIONS } from "./flags.ts";
import { printLines, writeRows } from "./output.ts";
import { PASSIVE, prepare } from "./prepare.ts";

/**
 * Migrates, checks or copies a state.
 *
 * @param operands The action, and locations: without one, that of the config.
 * @returns 3 if `check` found orphans.
 * @throws {CronfetchError} `usage`, `config.`, `state.` and `store.` codes.
 */
export async function state(
  [action, ...places]: readonly string[],
  flags: Flags,
  host: CommandHost,
): Promise<number> {
  switch (action) {
    case "migrate":
      return await migrate(await onlyPlace("migrate", places, flags, host), flags, host);
    case "check":
      return await check(await onlyPlace("check", places, flags, host), flags, host);
    case "copy": {
      const [from, to, ...others] = places.map((place) => parse(place, host));
      if (from === undefined || to === undefined || others.length > 0) {
        throw new CronfetchError("usage", `state copy needs two locations, not ${places.length}`, {
          hint: "cronfetch state copy kv:.cronfetch/state.db postgres://user@host/database",
        });
      }
      return await copy(from, to, flags, host);
    }
    default: {
      const actions = STATE_ACTIONS.join(", ");
      const found = JSON.stringify(action);
      throw new CronfetchError("usage", `state needs one of ${actions}, not ${found}`);
    }
  }
}

/** The location that an action applies to. */
async function onlyPlace(
  action: string,
  places: readonly string[],
  flags: Flags,
  host: CommandHost,
): Promise<StateLocation> {
  const [place, ...others] = places;
  if (others.length > 0) {
    throw new CronfetchError("usage", `state ${action} takes one location, not ${places.length}`);
  }
  if (place !== undefined) return parse(place, host);
  // A command that sends no request needs no secrets but those of the state.
  return (await prepare([], flags, host, PASSIVE)).config.state;
}

function parse(place: string, { cwd }: CommandHost): StateLocation {
  const { value, problem, guess } = parseStateLocation(place, cwd());
  if (value !== undefined) return value;
  const hint = guess === null ? {} : { hint: `did you mean ${guess}?` };
  throw new CronfetchError("usage", `the location of a state ${problem}`, hint);
}

/** Creates or updates the tables of a database. The others are migrated by the next run that writes. */
async function migrate(
  location: StateLocation,
  { json }: Flags,
  host: CommandHost,
): Promise<number> {
  if (location.kind !== "postgres") {
    const message = `migrating the state ${locationText(location)}: it has no tables`;
    throw new CronfetchError("usage", message, {
      hint: "only postgres: is migrated by a command; others by the next run that writes",
    });
  }
  const { migratePostgres } = await import("../state/postgres/admin.ts");
  const result = await migratePostgres(location, host);
  const { before, after } = result;
  const done = before === after
    ? `has version ${after} of the tables: nothing to do`
    : before === 0
    ? `created the tables, version ${after}`
    : `migrated the tables from version ${before} to ${after}`;
  if (json) await writeRows([result], host);
  else await printLines([`${result.location}: ${done}`], host);
  return EXIT.good;
}

async function check(
  location: StateLocation,
  { json }: Flags,
  host: CommandHost,
): Promise<number> {
  const { counts, runs, place } = await withDriver(
    await openExisting(location, host),
    async (driver) => ({
      counts: countContents(await readContents(driver)),
      runs: (await driver.leasedTasks()).size,
      place: driver.location,
    }),
  );
  const tables = location.kind === "postgres"
    ? await (await import("../state/postgres/admin.ts")).inspectPostgres(location, host)
    : null;
  const path = stateFile(location);
  const sizeBytes = tables?.sizeBytes ??
    (path === null ? null : await host.fileSize(path).catch(() => null));
  const orphans = tables?.orphans ?? {};
  const report = {
    location: place,
    ...{ format: FORMAT, tables: tables?.tables ?? null, sizeBytes, ...counts },
    ...{ activeRuns: runs, orphans },
  };
  if (json) await writeRows([report], host);
  else {
    const version = tables === null ? "" : `, version ${tables.tables} of the tables`;
    const size = sizeBytes === null ? "" : `, ${formatBytes(sizeBytes)}`;
    await printLines([
      `${place}: format ${FORMAT}${version}${size}`,
      isEmpty(counts) ? "empty" : countText(counts),
      ...runs === 0 ? [] : [`${plural(runs, "run")} in progress`],
      ...Object.entries(orphans).map(([what, count]) => `orphans: ${count} ${what}`),
    ], host);
  }
  return Object.keys(orphans).length === 0 ? EXIT.good : EXIT.failed;
}

async function copy(
  fromPlace: StateLocation,
  toPlace: StateLocation,
  { force, json }: Flags,
  host: CommandHost,
): Promise<number> {
  if (JSON.stringify(fromPlace) === JSON.stringify(toPlace)) {
    throw new CronfetchError("usage", "state copy needs two different locations");
  }
  const { from, to, ...counts } = await withDriver(
    await openExisting(fromPlace, host),
    async (source) =>
      await withDriver(await openDriver(toPlace, host), async (target) => ({
        ...{ from: source.location, to: target.location },
        ...await copyState(source, target, force),
      })),
  );
  if (json) await writeRows([{ from, to, ...counts }], host);
  else {
    await printLines([
      `copied ${from} to ${to}: ${countText(counts)}`,
      'set "state" in the config to use it',
    ], host);
  }
  return EXIT.good;
}

/** Disposes of a driver after its use. The minifier of the bundle would lose a `using`. */
async function withDriver<T>(
  driver: StateDriver,
  work: (driver: StateDriver) => Promise<T>,
): Promise<T> {
  try {
    return await work(driver);
  } finally {
    await driver[Symbol.asyncDispose]();
  }
}

/** Opens a state without creating it. */
async function openExisting(location: StateLocation, host: CommandHost): Promise<StateDriver> {
  const path = stateFile(location);
  const driver = path !== null && await isAbsent(path)
    ? null
    : await openDriver(location, host, "skip");
  // Missing tables are read as an empty state in memory.
  if (driver !== null && (location.kind === "memory" || driver.durable)) return driver;
  const message = `reading the state ${locationText(location)}: it does not exist`;
  throw new CronfetchError("usage", message, {
    hint: "check the path, or the database and schema",
  });
}

function countText({ records, entries, parked, runs, days }: StateCounts): string {
  return [
    plural(records, "record"),
    `${entries} ${entries === 1 ? "entry" : "entries"}`,
    plural(runs, "run"),
    plural(days, "day"),
    ...parked === 0 ? [] : [plural(parked, "paused host")],
  ].join(", ");
}
