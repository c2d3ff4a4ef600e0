// Drivers return promises, even if they do not wait.
// deno-lint-ignore-file require-await

import {
  changedConcurrently,
  createStore,
  type Store,
  type StoredFile,
} from "@cronfetch/cronfetch";
import { DatabaseSync } from "node:sqlite";

const TABLE = "CREATE TABLE IF NOT EXISTS files (key TEXT UNIQUE, body BLOB, sha256 TEXT, at INT)";
const FACTS = "CAST(rowid AS TEXT) revision, key, length(body) sizeBytes, sha256, at modifiedMs";

/** A store in an SQLite database. */
export function openSqlite(path: string): Store {
  const database = new DatabaseSync(path);
  database.exec(TABLE);
  const rows = (sql: string, ...values: string[]) =>
    database.prepare(sql).all(...values) as unknown as (StoredFile & { key: string })[];
  const stat = (key: string) => rows(`SELECT ${FACTS} FROM files WHERE key = ?`, key)[0] ?? null;
  const write = database.prepare("REPLACE INTO files (key, body, sha256, at) VALUES (?, ?, ?, ?)");
  return createStore({
    location: path,
    begin: async (key, { existing = stat(key) }) => {
      let body = new Blob();
      return {
        existing,
        append: async (bytes) => void (body = new Blob([body, bytes])),
        seal: async () => {},
        read: () => body.bytes(),
        publish: async ({ key: to, ifUnchanged, exclusive, sha256 }) => {
          const bytes = await body.bytes();
          const current = stat(to);
          if (exclusive && current !== null) throw changedConcurrently();
          if (ifUnchanged && current?.revision !== existing?.revision) {
            if (current?.sha256 === sha256) return current;
            throw changedConcurrently();
          }
          write.run(to, bytes, sha256, Temporal.Now.instant().epochMilliseconds);
          return stat(to) as StoredFile;
        },
        remove: async () => {},
      };
    },
    stat: async (key) => stat(key),
    read: async (key) => {
      const row = database.prepare("SELECT body FROM files WHERE key = ?").get(key);
      return row ? new Blob([row["body"] as Uint8Array<ArrayBuffer>]).stream() : null;
    },
    list: async function* (prefix) {
      const [from, to] = prefix === "" ? ["", "\u{10ffff}"] : [`${prefix}/`, `${prefix}0`];
      yield* rows(`SELECT ${FACTS} FROM files WHERE key >= ? AND key < ?`, from, to);
    },
    remove: async (key) => void database.prepare("DELETE FROM files WHERE key = ?").run(key),
    close: async () => database.close(),
  });
}
