import { assertEquals, assertRejects } from "@std/assert";
import { adaptiveFileSystem } from "../../../lib/store/folder/adaptive_file_system.ts";
import { temporaryFolder } from "../../helpers/folder.ts";

/** A file system whose calls take `tookMs`, one after another, on its clock. */
function place(tookMs: readonly number[]) {
  let reads = 0;
  let nowMs = 0;
  const durations = [...tookMs];
  const fileSystem = adaptiveFileSystem({
    now: () => Temporal.Now.instant(),
    // Each call reads the clock twice.
    monotonicMs: () => {
      if (reads++ % 2 === 1) nowMs += durations.shift() ?? 0;
      return nowMs;
    },
  });
  return { fileSystem, reads: () => reads };
}

Deno.test("adaptiveFileSystem makes calls synchronously while they are fast", async () => {
  const table: [name: string, tookMs: number[], isSync: boolean[]][] = [
    ["fast", [1, 1, 1, 1, 1], [false, true, true, true, true]],
    ["slow from the start", [50, 50, 50, 50], [false, false, false, false]],
    ["fast on the second call", [50, 1, 1], [false, false, true]],
    ["two slow calls", [1, 50, 1, 50, 1, 1], [false, true, true, true, true, true]],
    ["slow later", [1, 50, 50, 50, 1], [false, true, true, true, false, false]],
    ["always slow", [1, ...Array(60).fill(50)], [
      false,
      true,
      true,
      true,
      ...Array(56).fill(false),
    ]],
    ["slow for a while", [1, 50, 50, 50, ...Array(30).fill(50), 1, 1], [
      ...[false, true, true, true],
      ...Array(31).fill(false),
      true,
    ]],
    ["rare slow calls", [1, ...Array(20).fill([...Array(200).fill(3), 50]).flat()], [
      false,
      ...Array(4020).fill(true),
    ]],
  ];
  for (const [name, tookMs, expected] of table) {
    await using folder = await temporaryFolder();
    const { fileSystem, reads } = place(tookMs);
    for (const each of expected) {
      const before = reads();
      const pending = fileSystem.lstat(folder.path);
      // A synchronous call has read the clock twice when it returns.
      assertEquals(reads() - before === 2, each, name);
      await pending;
    }
  }
});

Deno.test("adaptiveFileSystem: synchronous and asynchronous calls fail alike", async () => {
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

Deno.test("adaptiveFileSystem writes large pieces asynchronously, and completely", async () => {
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
