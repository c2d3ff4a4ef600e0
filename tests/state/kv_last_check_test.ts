/** A database that was touched since it was closed is checked again; an untouched one is not. */

import { assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { DatabaseSync } from "node:sqlite";
import { CronfetchError } from "../../lib/core/errors.ts";
import { lastCheck, recordCheck } from "../../lib/state/kv_last_check.ts";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { ids, record } from "./samples.ts";

const HOUR_MS = 60 * 60_000;

/** A closed database with a record; its check was recorded when it was closed. */
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

Deno.test("lastCheck: the check of a closed database counts for a day", async () => {
  await using folder = await temporaryFolder();
  const path = await closedDatabase(folder);
  const openedMs = testHost().clock.now().epochMilliseconds;
  for (
    const [afterMs, counts] of [[0, true], [23 * HOUR_MS, true], [24 * HOUR_MS, false], [-1, false]]
  ) {
    const check = await lastCheck(path, openedMs + Number(afterMs));
    assertEquals(check?.checkedMs, counts ? openedMs : undefined, `${afterMs}`);
  }
});

Deno.test("lastCheck: none after any change of the file", async (t) => {
  const changes: Record<string, (path: string) => void | Promise<void>> = {
    "a byte, the time of modification restored": async (path) => {
      const { atime, mtime, ctime } = await Deno.stat(path);
      // The time of the change counts in seconds.
      const nextMs = (ctime?.getTime() ?? 0) + 1_050;
      await delay(Math.max(0, nextMs - Date.now()));
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
    "a copy in its place": async (path) => {
      await Deno.copyFile(path, `${path}.copy`);
      await Deno.rename(`${path}.copy`, path);
    },
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
      const openedMs = testHost().clock.now().epochMilliseconds;
      assertEquals((await lastCheck(path, openedMs))?.checkedMs, openedMs);
      await change(path);
      assertEquals(await lastCheck(path, openedMs), null);
    });
  }
});

Deno.test("kv: a touched database is checked, an untouched one is not", async () => {
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
  // As if the disk had changed the bytes: the check is omitted, and reading finds the damage.
  await recordCheck(path, null, host.clock.now().epochMilliseconds);
  assertEquals(await open(), `kv:${path}`);
  const read = async () => {
    await using state = await openState(`kv:${path}`, host);
    return await state.records(ids(3));
  };
  assertEquals((await assertRejects(read, CronfetchError)).code, "state.unreadable");
});

Deno.test("kv: only the last process that closes the database records the check", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("state.db");
  const host = testHost();
  const nowMs = host.clock.now().epochMilliseconds;
  const state = await openState(`kv:${path}`, host);
  {
    await using other = await openState(`kv:${path}`, host);
    other.save(record("a"));
  }
  assertEquals(await lastCheck(path, nowMs), null);
  await state[Symbol.asyncDispose]();
  assertEquals((await lastCheck(path, nowMs))?.checkedMs, nowMs);
});

Deno.test("kv: a session without a write keeps the time of the last check", async () => {
  await using folder = await temporaryFolder();
  const path = await closedDatabase(folder);
  const before = await Deno.readTextFile(`${path}.checked`);
  const host = testHost();
  {
    await using state = await openState(`kv:${path}`, host);
    await state.records(["a"]);
  }
  assertEquals(await Deno.readTextFile(`${path}.checked`), before);
});
