import { assertEquals, assertRejects } from "@std/assert";
import { quickFileSystem } from "../../lib/store/quick_file_system.ts";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";

/**
 * A file system on which each call seems to take its share of `tookMs`. A call
 * on the spot looks at the clock twice, one that goes the long way not at all.
 */
async function place(folder: TemporaryFolder, tookMs: readonly number[]) {
  let looks = 0;
  let nowMs = 0;
  const durations = [...tookMs];
  const fileSystem = quickFileSystem({
    now: () => Temporal.Now.instant(),
    monotonicMs: () => {
      if (looks++ % 2 === 1) nowMs += durations.shift() ?? 0;
      return nowMs;
    },
  });
  await fileSystem.mkdir(folder.file("store"));
  looks = 0;
  const onTheSpot = async () => {
    const before = looks;
    await fileSystem.lstat(folder.path);
    return looks > before;
  };
  return { fileSystem, onTheSpot };
}

Deno.test("calls are made on the spot where they are quick, and not where they are not", async () => {
  const table: [name: string, tookMs: number[], onTheSpot: boolean[]][] = [
    ["quick", [1, 1, 1, 1, 1], [true, true, true, true]],
    ["slow from the start", [50], [false, false]],
    ["a hiccup or two", [1, 50, 1, 50, 1], [true, true, true, true]],
    ["slow later", [1, 50, 50, 50], [true, true, true, false, false]],
  ];
  for (const [name, tookMs, expected] of table) {
    await using folder = await temporaryFolder();
    const { onTheSpot } = await place(folder, tookMs);
    for (const each of expected) assertEquals(await onTheSpot(), each, name);
  }
});

Deno.test("what fails on the spot fails as it does the long way", async () => {
  await using folder = await temporaryFolder();
  for (const tookMs of [1, 50]) {
    const { fileSystem } = await place(folder, [tookMs]);
    await assertRejects(() => fileSystem.lstat(folder.file("nothing")), Deno.errors.NotFound);
    await assertRejects(
      () => fileSystem.open(folder.file("no/such"), { write: true, createNew: true }),
      Deno.errors.NotFound,
    );
    await fileSystem.remove(folder.file("store"));
  }
});

Deno.test("large pieces go the long way, and arrive as whole as small ones", async () => {
  await using folder = await temporaryFolder();
  const { fileSystem } = await place(folder, [1]);
  const path = folder.file("file");
  {
    using file = await fileSystem.open(path, { write: true, createNew: true });
    assertEquals(await file.write(new Uint8Array(10)), 10);
    assertEquals(await file.write(new Uint8Array(300_000)), 300_000);
    assertEquals((await file.stat()).size, 300_010);
  }
  assertEquals((await Deno.stat(path)).size, 300_010);
});
