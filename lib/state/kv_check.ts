/**
 * Checks a database before Deno KV opens it: Deno KV crashes the process on some damaged files, and
 * accepts any SQLite database as its own.
 */

import { backup, DatabaseSync } from "node:sqlite";
import type { Timers } from "../core/host.ts";
import { errorMessage } from "../core/text.ts";
import { stateError, unreadable } from "./errors.ts";
import { isRun } from "./format.ts";
import { walDamage } from "./wal.ts";

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
  const runs = database.prepare("SELECT k, v FROM kv WHERE k > ? AND k < ?")
    .all(...rangeOf("cronfetch", "run"));
  return runs.every(isRunEntry) ? null : damaged("the entry of a run");
}

/** Keys that begin with texts: a 2, UTF-8 and a NUL for each (Deno KV's own encoding). */
function rangeOf(...texts: string[]): [after: Uint8Array, before: Uint8Array] {
  const prefix = encoder.encode(texts.map((text) => `\x02${text}\0`).join(""));
  const before = prefix.slice();
  before[before.length - 1] = 1;
  return [prefix, before];
}

function isRunEntry({ k, v }: Record<string, unknown>): boolean {
  try {
    decoder.decode(k as Uint8Array);
    return isRun(JSON.parse(decoder.decode(v as Uint8Array)));
  } catch {
    return false;
  }
}

function damaged(what: string): string {
  const line = what.split("\n", 1)[0] ?? "";
  return `the database is damaged (${line.slice(0, 200)})`;
}
