/**
 * Checks a database before Deno KV opens it: Deno KV crashes the process on some damaged files, and
 * accepts any SQLite database as its own.
 */

import { backup, DatabaseSync } from "node:sqlite";
import type { Timers } from "../../core/host.ts";
import { errorMessage } from "../../core/text.ts";
import { stateError, unreadable } from "../errors.ts";
import { isDay, isRun } from "../format.ts";
import type { ShapeCheck } from "../shape.ts";

/** The tables that each migration of Deno KV creates, the first one first. */
const TABLES = [["data_version", "kv"], ["queue", "queue_running"]] as const;

/** Deno KV's encoding of a value of bytes; cronfetch writes no other. */
const BYTES_ENCODING = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Delays before a damaged log is read again: another process may be writing it. */
const LOG_DELAYS_MS = [50, 200];

/**
 * Checks that a file is a healthy database of Deno KV, or an empty one: the structure by SQLite, the
 * tables, and the entries that a run would read only at its end. It is opened read-only.
 *
 * @param path Of a file that is not empty.
 * @param location For the error.
 * @throws {CronfetchError} `state.unreadable`.
 * @throws {unknown} The database is locked, or a permission is missing.
 */
export async function checkDatabase(
  path: string,
  location: string,
  timers: Pick<Timers, "sleep">,
): Promise<void> {
  const damage = await logDamage(`${path}-wal`, timers) ?? databaseDamage(path, location);
  if (damage !== null) throw unreadable(location, damage);
}

/**
 * Copies a database that other processes may be using.
 *
 * @param to Path of the copy; a file there is replaced.
 * @param name A unique name, for the temporary copy.
 * @param isOld Whether the database is unchanged after the copy; if not, the copy is discarded.
 */
export async function copyDatabase(
  path: string,
  { to, name, isOld }: {
    readonly to: string;
    readonly name: string;
    readonly isOld: () => Promise<boolean>;
  },
): Promise<void> {
  const beside = `${to}.${name}`;
  try {
    using database = new DatabaseSync(path, { readOnly: true });
    await backup(database, beside);
    if (await isOld()) await Deno.rename(beside, to);
  } finally {
    await Deno.remove(beside).catch(() => {});
  }
}

/** The damage of the write-ahead log, or null. */
async function logDamage(
  path: string,
  timers: Pick<Timers, "sleep">,
): Promise<string | null> {
  let damage: string | null = null;
  for (const delayMs of [...LOG_DELAYS_MS, null]) {
    const bytes = await Deno.readFile(path).catch(() => null);
    damage = bytes && walDamage(bytes);
    if (damage === null || delayMs === null) break;
    await timers.sleep(delayMs, new AbortController().signal);
  }
  return damage && `its log ${path} is damaged (${damage})`;
}

function databaseDamage(path: string, location: string): string | null {
  try {
    // Not with Deno.open: on POSIX, closing it would release the locks that SQLite has on the file
    // elsewhere in this process.
    using database = new DatabaseSync(path, { readOnly: true });
    return structureDamage(database) ?? contentDamage(database);
  } catch (error) {
    const said = errorMessage(error);
    if (/unable to open/.test(said)) {
      const advice = "check the permissions of the file and its folder";
      throw unreadable(location, "it cannot be opened", { cause: error, advice });
    }
    const { code } = stateError(location, error);
    if (code !== "store.failed" && code !== "state.unreadable") throw error;
    if (/not a database/.test(said)) return "the file is not a database";
    return damaged(said);
  }
}

function structureDamage(database: DatabaseSync): string | null {
  const found = database.prepare("PRAGMA integrity_check(1)").get()?.integrity_check;
  return found === "ok" ? null : damaged(String(found));
}

function contentDamage(database: DatabaseSync): string | null {
  const rows = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const names = new Set(rows.map(({ name }) => String(name)));
  if (names.size === 0) return null;
  if (!names.has("migration_state")) return "it is the database of another program";
  const migration = database.prepare("SELECT version FROM migration_state WHERE k = 0").get();
  // Perhaps a process was killed while creating it.
  if (migration === undefined && names.size === 1) return null;
  const version = Number(migration?.version);
  if (!(version >= 1)) return damaged("the version of its tables is missing");
  for (const table of TABLES.slice(0, version).flat()) {
    if (!names.has(table)) return damaged(`the table ${table} is missing`);
    database.prepare(`SELECT count(*) FROM ${table}`).get();
  }
  const data = database.prepare("SELECT version FROM data_version WHERE k = 0").get();
  if (!isVersion(data?.version)) return damaged("the version of its data is missing");
  return entriesDamage(database);
}

function isVersion(version: unknown): boolean {
  return Number.isSafeInteger(version) && Number(version) >= 0;
}

/**
 * Deno KV panics on some values that are not bytes, and a damaged run would be found only at the end of
 * the next one.
 */
function entriesDamage(database: DatabaseSync): string | null {
  const odd = database.prepare(
    `SELECT 1 FROM kv WHERE k > ? AND k < ? AND
    (v_encoding <> ${BYTES_ENCODING} OR typeof(v) <> 'blob' OR typeof(version) <> 'integer' OR
    NOT json_valid(CAST(v AS TEXT))) LIMIT 1`,
  ).get(...rangeOf("cronfetch"));
  if (odd) return damaged("an entry is not JSON");
  const areAll = (name: string, check: ShapeCheck<unknown>) =>
    database.prepare("SELECT k, v FROM kv WHERE k > ? AND k < ?")
      .all(...rangeOf("cronfetch", name))
      .every((entry) => isEntry(entry, check));
  if (!areAll("run", isRun)) return damaged("the entry of a run");
  return areAll("day", isDay) ? null : damaged("the entry of a day");
}

/** Keys that begin with texts: a 2, UTF-8 and a NUL for each (Deno KV's own encoding). */
function rangeOf(...texts: string[]): [after: Uint8Array, before: Uint8Array] {
  const prefix = encoder.encode(texts.map((text) => `\x02${text}\0`).join(""));
  const before = prefix.slice();
  before[before.length - 1] = 1;
  return [prefix, before];
}

function isEntry({ k, v }: Record<string, unknown>, check: ShapeCheck<unknown>): boolean {
  try {
    decoder.decode(k as Uint8Array);
    return check(JSON.parse(decoder.decode(v as Uint8Array)));
  } catch {
    return false;
  }
}

function damaged(what: string): string {
  const line = what.split("\n", 1)[0] ?? "";
  return `the database is damaged (${line.slice(0, 200)})`;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The last bit of the magic number is the byte order of the checksums. */
const MAGIC = 0x377f0682;

/** A checksum of SQLite: two sums modulo 2^32. */
type Sums = readonly [number, number];

/**
 * The damage of a write-ahead log, or null.
 *
 * SQLite ends a log at the first incomplete frame. That is correct for the last writes of a killed
 * process, but damage in the middle silently drops all later commits. The difference is what follows:
 * after damage there is a commit whose checksum continues that of its previous frame; after the writes
 * of a killed process there are only frames of an earlier log, with another salt, and of an incomplete
 * commit.
 */
export function walDamage(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) return "its header is cut off";
  const magic = view.getUint32(0);
  if ((magic & ~1) >>> 0 !== MAGIC) return "it has no header";
  const littleEndian = (magic & 1) === 0;
  const add = (sums: Sums, start: number, end: number) => sum(view, sums, start, end, littleEndian);
  let sums = add([0, 0], 0, 24);
  if (!hasSums(view, 24, sums)) return "its header is damaged";
  const pageBytes = view.getUint32(8);
  // The checksum is valid, so these are the sizes that SQLite wrote.
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  const salt = view.getBigUint64(16);
  let isWhole = true;
  for (let at = HEADER_BYTES; at + frameBytes <= bytes.length; at += frameBytes) {
    const isOfThisLog = view.getBigUint64(at + 8) === salt;
    const isCommit = view.getUint32(at + 4) !== 0;
    if (!isWhole) {
      if (!isOfThisLog || !isCommit) continue;
      const before = at - frameBytes + 16;
      sums = [view.getUint32(before), view.getUint32(before + 4)];
    }
    sums = add(add(sums, at, at + 8), at + FRAME_HEADER_BYTES, at + frameBytes);
    const isValid = isOfThisLog && hasSums(view, at + 16, sums);
    if (!isWhole && isValid) return `a page before byte ${at} is damaged`;
    isWhole &&= isValid;
  }
  return null;
}

function hasSums(view: DataView, at: number, [first, second]: Sums): boolean {
  return view.getUint32(at) === first && view.getUint32(at + 4) === second;
}

/** Adds bytes, a multiple of 8, to a checksum. */
function sum(
  view: DataView,
  [first, second]: Sums,
  start: number,
  end: number,
  littleEndian: boolean,
): Sums {
  for (let at = start; at < end; at += 8) {
    first = (first + view.getUint32(at, littleEndian) + second) >>> 0;
    second = (second + view.getUint32(at + 4, littleEndian) + first) >>> 0;
  }
  return [first, second];
}
