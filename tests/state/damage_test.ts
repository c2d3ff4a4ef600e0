/** Damaged states are rejected before the first request, and not changed. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { dirname } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { CronfetchError } from "../../lib/core/errors.ts";
import { openState } from "../helpers/open.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { damages, healthyDatabase } from "./damage.ts";

const SEED = 143;

/** Problems of the path itself have other hints. */
const REMEDY =
  /^(?:move it away to start from scratch; published files are kept|choose another path)$/;

Deno.test(`row 143: each damaged kv: database (seed ${SEED}) is state.unreadable, and kept`, async (t) => {
  const all = await damages(SEED);
  assert(all.length > 100, `${all.length}`);
  for (const { name, make } of all) {
    await t.step(name, async () => {
      await using folder = await temporaryFolder();
      const path = folder.file("state/state.db");
      await Deno.mkdir(dirname(path));
      await make(path);
      const isTree = (await Deno.stat(path).catch(() => null))?.isFile ?? false;
      const before = isTree ? await tree(folder.path) : {};
      const host = testHost();
      const opening = async () => {
        await using state = await openState(`kv:${path}`, host);
        // As a run does before its first request.
        await state.acquire(["first-1"], "run", 60_000);
        await state.records(Array.from({ length: 501 }, (_, index) => `first-${index}`));
        await state.parked();
      };
      const error = await assertRejects(opening, CronfetchError);
      assertEquals(error.code, "state.unreadable", error.message);
      assert(REMEDY.test(error.hint ?? ""), error.message);
      if (isTree) {
        const after = await tree(folder.path);
        for (const [file, content] of Object.entries(before)) assertEquals(after[file], content);
      }
    });
  }
});

Deno.test("row 143: a kv: database of a killed process opens, up to its last complete commit", async (t) => {
  const { closed, killed, log } = await healthyDatabase();
  const cut = (bytes: number) => log.slice(0, bytes);
  const stale = log.slice();
  // Frames of an earlier log have another salt.
  for (let at = 32 + 4_120; at < stale.length; at += 4_120) stale.fill(7, at + 8, at + 16);
  // A commit of which only the header was written, behind the pages of a shorter, later one.
  const torn = log.slice();
  torn.fill(7, torn.length - 2 * 4_120 - 10, torn.length - 2 * 4_120);
  torn.fill(7, torn.length - 10);
  for (
    const [name, database, itsLog, records] of [
      ["closed", closed, null, 40],
      ["with a log", killed, log, 80],
      ["with an empty log", closed, new Uint8Array(), 40],
      ["with a log cut in its last page", killed, cut(log.length - 1), null],
      ["with a log cut in its first page", killed, cut(32 + 2_000), 40],
      ["with the header of a log", killed, cut(32), 40],
      ["with a log cut between two pages", killed, cut(32 + 9 * 4_120), null],
      ["with a log over an earlier one", killed, stale, null],
      ["with a log over a commit that is not whole", killed, torn, null],
      ["empty", new Uint8Array(), null, 0],
    ] as const
  ) {
    await t.step(name, async () => {
      await using folder = await temporaryFolder();
      const path = folder.file("state.db");
      await Deno.writeFile(path, database);
      if (itsLog) await Deno.writeFile(`${path}-wal`, itsLog);
      await using state = await openState(`kv:${path}`, testHost());
      const { size } = await state.allRecords();
      assert(records === null ? size >= 40 : size === records, `${size} records`);
    });
  }
  for (
    const sql of ["CREATE TABLE migration_state (k, version)", "CREATE TABLE a (b); DROP TABLE a"]
  ) {
    await t.step(`killed while it made the database: ${sql}`, async () => {
      await using folder = await temporaryFolder();
      const path = folder.file("state.db");
      {
        using database = new DatabaseSync(path);
        database.exec(`PRAGMA journal_mode=WAL; ${sql}`);
      }
      await using state = await openState(`kv:${path}`, testHost());
      assertEquals((await state.allRecords()).size, 0);
    });
  }
});
