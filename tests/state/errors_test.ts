import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { Contended, retryWhileLocked, stateError } from "../../lib/state/errors.ts";
import { testHost } from "../helpers/host.ts";

function named(code: string): Error {
  return Object.assign(new Error("as the system says"), { code });
}

const FROM_SCRATCH = "move it away to start from scratch; published files are kept";
const DAMAGED = "the database is damaged";

const CASES: readonly (readonly [
  error: unknown,
  code: string,
  sentence: string,
  hint?: string,
])[] = [
  [new Contended(), "state.locked", "other processes keep changing it"],
  [new TypeError("database is locked"), "state.locked", "another process keeps it locked"],
  [new Error("database table is locked: kv"), "state.locked", "another process keeps it locked"],
  [
    new Error("file is not a database"),
    "state.unreadable",
    "the file is not a database",
    FROM_SCRATCH,
  ],
  [
    new Error("database disk image is malformed"),
    "state.unreadable",
    DAMAGED,
    FROM_SCRATCH,
  ],
  [new Error("database or disk is full"), "store.full", "no space is left"],
  [named("ENOSPC"), "store.full", "no space is left"],
  [named("EDQUOT"), "store.full", "no space is left"],
  [named("EACCES"), "store.denied", "permission denied"],
  [named("EROFS"), "store.denied", "permission denied"],
  [new Error("attempt to write a readonly database"), "store.denied", "permission denied"],
  [new TypeError("Can not write to a read-only database."), "store.denied", "permission denied"],
  [
    new TypeError("Invalid column type Real at index: 0, name: version"),
    "state.unreadable",
    DAMAGED,
    FROM_SCRATCH,
  ],
  [new TypeError("invalid utf8"), "state.unreadable", DAMAGED, FROM_SCRATCH],
  [new TypeError("The value encoding 7 is unknown."), "state.unreadable", DAMAGED, FROM_SCRATCH],
  [new TypeError("malformed database schema (kv)"), "state.unreadable", DAMAGED, FROM_SCRATCH],
  [named("EISDIR"), "state.unreadable", "it is a folder", "choose another path"],
  [
    named("ENOTDIR"),
    "state.unreadable",
    "a folder of its path is a file",
    "choose another path",
  ],
  [
    new Deno.errors.NotCapable("Requires read access, run again with the --allow-read flag"),
    "store.denied",
    "Deno was not given the permission",
    "run again with --allow-read",
  ],
  [named("EIO"), "store.failed", "as the system says"],
  ["odd", "store.failed", "odd"],
];

Deno.test("stateError: codes, messages and hints", async (t) => {
  for (const [error, code, sentence, hint = null] of CASES) {
    await t.step(sentence, () => {
      const made = stateError("writing it", error);
      assertEquals([made.code, made.message, made.hint], [code, `writing it: ${sentence}`, hint]);
      assertStrictEquals(made.cause, error);
    });
  }
  await t.step("an error of ours comes back as it is", () => {
    const error = new CronfetchError("config.invalid", "wrong");
    assertStrictEquals(stateError("writing it", error), error);
  });
});

Deno.test("retryWhileLocked: repeats on state.locked only", async (t) => {
  const trying = async (failures: readonly unknown[], random: number) => {
    const host = testHost({ random: [random] });
    const left = [...failures];
    const work = () => left.length > 0 ? Promise.reject(left.shift()) : Promise.resolve("done");
    const answer = await retryWhileLocked("writing it", host, [100, 1000], work)
      .catch((error: CronfetchError) => error.code);
    return [answer, left.length, ...host.slept];
  };
  const locked = new Contended();
  await t.step("does not wait for what works", async () => {
    assertEquals(await trying([], 0), ["done", 0]);
  });
  await t.step("waits half of a delay at least, and all of it at most", async () => {
    assertEquals(await trying([locked, locked], 0), ["done", 0, 50, 500]);
    assertEquals(await trying([locked, locked], 1), ["done", 0, 100, 1000]);
  });
  await t.step("gives up after the last delay", async () => {
    assertEquals(await trying([locked, locked, locked, locked], 1), ["state.locked", 1, 100, 1000]);
  });
  await t.step("does not wait where waiting does not help", async () => {
    assertEquals(await trying([locked, new Error("broken"), locked], 1), ["store.failed", 1, 100]);
  });
  await t.step("does not try again what has been tried again within", async () => {
    const error = new CronfetchError("state.locked", "locked");
    assertEquals(await trying([error, locked], 1), ["state.locked", 1]);
    const host = testHost();
    const thrown = await assertRejects(() => {
      return retryWhileLocked("writing it", host, [1], () => Promise.reject(error));
    });
    assertStrictEquals(thrown, error);
  });
});
