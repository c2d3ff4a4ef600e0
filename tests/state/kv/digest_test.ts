/** A database whose bytes have changed since it was closed is checked again; another one is not. */

import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { recordDigest, recordedDigest } from "../../../lib/state/kv/digest.ts";
import { type TemporaryFolder, temporaryFolder } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { openState } from "../../helpers/open.ts";
import { ids, record } from "../samples.ts";

/** A closed database with a record; its digest was recorded when it was closed. */
async function closedDatabase(folder: TemporaryFolder, tasks: readonly string[] = ["a"]) {
  const path = folder.file("state.db");
  await using state = await openState(`kv:${path}`, testHost());
  for (const task of tasks) state.save(record(task));
  return path;
}

/** Damages the records with valid SQL, so that only a check finds it before they are read. */
function damageRecords(path: string): void {
  using database = new DatabaseSync(path);
  const records = database.prepare("UPDATE kv SET v = CAST('{' AS BLOB) WHERE instr(k, ?) > 0");
  records.run(new TextEncoder().encode("record"));
}

Deno.test("recordedDigest: the SHA-256 of a closed database, or of a copy of it", async () => {
  await using folder = await temporaryFolder();
  const path = await closedDatabase(folder);
  const bytes = await Deno.readFile(path);
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  assertEquals(await recordedDigest(path), sha256);
  await Deno.writeFile(`${path}.copy`, bytes);
  await Deno.rename(`${path}.copy`, path);
  assertEquals(await recordedDigest(path), sha256);
});

Deno.test("recordedDigest: none after any change of the file", async (t) => {
  const changes: Record<string, (path: string) => void | Promise<void>> = {
    "a byte, the time of modification restored": async (path) => {
      const { atime, mtime } = await Deno.stat(path);
      const file = await Deno.open(path, { write: true });
      await file.seek(-10, Deno.SeekMode.End);
      await file.write(new Uint8Array([1]));
      file.close();
      await Deno.utime(path, atime ?? 0, mtime ?? 0);
    },
    "a byte": async (path) => {
      const bytes = await Deno.readFile(path);
      bytes[5000] = 255 - (bytes[5000] ?? 0);
      await Deno.writeFile(path, bytes);
    },
    "its size": (path) => Deno.truncate(path, 8192),
    "a log": (path) => Deno.writeTextFile(`${path}-wal`, "x"),
    "no record": (path) => Deno.remove(`${path}.checked`),
    "a cut record": (path) => Deno.truncate(`${path}.checked`, 20),
    "another record": (path) => Deno.writeTextFile(`${path}.checked`, "null"),
    "no file": (path) => Deno.remove(path),
  };
  for (const [name, change] of Object.entries(changes)) {
    await t.step(name, async () => {
      await using folder = await temporaryFolder();
      const path = await closedDatabase(folder);
      assertNotEquals(await recordedDigest(path), null);
      await change(path);
      assertEquals(await recordedDigest(path), null);
    });
  }
});

Deno.test("kv: a changed database is checked, one with the recorded digest is not", async () => {
  await using folder = await temporaryFolder();
  const path = await closedDatabase(folder, ids(3));
  damageRecords(path);
  const host = testHost();
  const open = async () => {
    await using state = await openState(`kv:${path}`, host);
    return state.location;
  };
  const error = await assertRejects(open, CronfetchError);
  assertEquals(error.code, "state.unreadable");
  // The check is omitted, and reading finds the damage.
  await recordDigest(path, null);
  assertEquals(await open(), `kv:${path}`);
  const read = async () => {
    await using state = await openState(`kv:${path}`, host);
    return await state.records(ids(3));
  };
  assertEquals((await assertRejects(read, CronfetchError)).code, "state.unreadable");
});

Deno.test("kv: only the last process that closes the database records its digest", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("state.db");
  const host = testHost();
  const state = await openState(`kv:${path}`, host);
  {
    await using other = await openState(`kv:${path}`, host);
    other.save(record("a"));
  }
  assertEquals(await recordedDigest(path), null);
  await state[Symbol.asyncDispose]();
  assertNotEquals(await recordedDigest(path), null);
});

Deno.test("kv: a session without a write does not write the record again", async () => {
  await using folder = await temporaryFolder();
  const path = await closedDatabase(folder);
  const before = new Date(1_000_000_000_000);
  await Deno.utime(`${path}.checked`, before, before);
  const host = testHost();
  {
    await using state = await openState(`kv:${path}`, host);
    await state.records(["a"]);
  }
  assertEquals((await Deno.stat(`${path}.checked`)).mtime, before);
});
