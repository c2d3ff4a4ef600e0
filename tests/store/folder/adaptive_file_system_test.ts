import { assertEquals, assertRejects } from "@std/assert";
import { adaptiveFileSystem } from "../../../lib/store/folder/adaptive_file_system.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

/** A file system on which each call seems to take its share of `tookMs`. */
function place(tookMs: readonly number[]) {
  let looks = 0;
  let nowMs = 0;
  const durations = [...tookMs];
  const fileSystem = adaptiveFileSystem({
    now: () => Temporal.Now.instant(),
    // Each call is timed by two looks at the clock.
    monotonicMs: () => {
      if (looks++ % 2 === 1) nowMs += durations.shift() ?? 0;
      return nowMs;
    },
  });
  return { fileSystem, looks: () => looks };
}

Deno.test("calls are made on the spot where they are quick, and not where they are not", async () => {
  const table: [name: string, tookMs: number[], onTheSpot: boolean[]][] = [
    ["quick", [1, 1, 1, 1, 1], [false, true, true, true, true]],
    ["slow from the start", [50, 50, 50, 50], [false, false, false, false]],
    ["quick at second sight", [50, 1, 1], [false, false, true]],
    ["a hiccup or two", [1, 50, 1, 50, 1, 1], [false, true, true, true, true, true]],
    ["slow later", [1, 50, 50, 50, 1], [false, true, true, true, false, false]],
  ];
  for (const [name, tookMs, expected] of table) {
    await using folder = await temporaryFolder();
    const { fileSystem, looks } = place(tookMs);
    for (const each of expected) {
      const before = looks();
      const looking = fileSystem.lstat(folder.path);
      // What is done on the spot has been timed to its end when the call returns.
      assertEquals(looks() - before === 2, each, name);
      await looking;
    }
  }
});

Deno.test("what fails on the spot fails as it does the long way", async () => {
  await using folder = await temporaryFolder();
  for (const tookMs of [1, 50]) {
    const { fileSystem } = place([tookMs, tookMs, tookMs]);
    await fileSystem.lstat(folder.path);
    await assertRejects(() => fileSystem.lstat(folder.file("nothing")), Deno.errors.NotFound);
    await assertRejects(
      () => fileSystem.open(folder.file("no/such"), { write: true, createNew: true }),
      Deno.errors.NotFound,
    );
  }
});

Deno.test("large pieces go the long way, and arrive as whole as small ones", async () => {
  await using folder = await temporaryFolder();
  const { fileSystem } = place([1]);
  await fileSystem.lstat(folder.path);
  const path = folder.file("file");
  {
    using file = await fileSystem.open(path, { write: true, createNew: true });
    assertEquals(await file.write(new Uint8Array(10)), 10);
    assertEquals(await file.write(new Uint8Array(300_000)), 300_000);
    assertEquals((await file.stat()).size, 300_010);
  }
  assertEquals((await Deno.stat(path)).size, 300_010);
});
