/** Constant memory: for many files, a large one (row 83), many tasks (row 94). */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { TaskResult } from "../../lib/core/result.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { place, STORE, storeTest } from "../helpers/place.ts";
import { startRun, writeConfig } from "./program.ts";

const MIB = 2 ** 20;

/** Only Linux has /proc, where the memory of a process is read. */
const ignore = Deno.build.os !== "linux";

/**
 * Resident memory of a process, in bytes; null if it has ended. Read by another program, as Deno
 * requires all permissions for /proc.
 */
async function residentBytes(pid: number): Promise<number | null> {
  const { stdout } = await new Deno.Command("cat", {
    args: [`/proc/${pid}/status`],
    stderr: "null",
  }).output();
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(new TextDecoder().decode(stdout))?.[1];
  return kib === undefined ? null : Number(kib) * 1024;
}

/**
 * Asserts that memory in the last quarter of the samples exceeds that in the second by less than
 * `boundBytes`. Samples after the end of the process do not count.
 */
function assertGrowthLess(samples: readonly (number | null)[], boundBytes: number): void {
  const held = samples.filter((bytes) => bytes !== null);
  assertGreater(held.length, samples.length * 0.9, "the memory of a running process is readable");
  const quarter = Math.floor(held.length / 4);
  const growthBytes = Math.max(...held.slice(-quarter)) -
    Math.max(...held.slice(quarter, 2 * quarter));
  assertLess(growthBytes, boundBytes, held.map((bytes) => Math.round(bytes / MIB)).join(" "));
}

/** A server in a child process: `/SIZE/NAME` is a file of SIZE bytes. */
async function startOrigin(): Promise<AsyncDisposable & { readonly origin: string }> {
  const program = fromFileUrl(new URL("plain_origin.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", program],
    stdout: "piped",
  }).spawn();
  const output = child.stdout.getReader();
  const { value } = await output.read();
  return {
    origin: `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await output.cancel();
      await child.status;
    },
  };
}

storeTest("20,000 files of 1 KiB in constant memory", async () => {
  const files = 20_000;
  await using folder = await temporaryFolder();
  await using store = await place();
  await using server = await startOrigin();
  const config = await writeConfig(folder.path, {
    store: store.location,
    state: "kv:state.db",
    limits: { perHost: 32 },
    tasks: Array.from({ length: files }, (_, index) => `${server.origin}/1024/${index}.bin`),
  });
  const sampling: Promise<number | null>[] = [];
  let finished = 0;
  await using program = startRun(config, {
    env: store.env,
    // V8 collects garbage late if it may, which would hide the reachable memory.
    heapMiB: 128,
    onEvent(event) {
      if (event.type !== "task.finished") return;
      if (++finished % 200 === 0) sampling.push(residentBytes(program.pid));
    },
  });
  const { code, stderr } = await program.ended;
  assertEquals([code, finished], [0, files], stderr);
  assertEquals((await store.names()).length, files);
  const samples = await Promise.all(sampling);
  // Between the two quarters are 10,000 files, so 3 KiB per file are detected.
  assertGrowthLess(samples, 32 * MIB);
}, { ignore });

/**
 * Size of a large body, and permitted growth of memory in its second half; in MiB. Parts of an upload
 * are large, and the number of uncollected ones varies.
 */
const [LARGE_MIB, GROWTH_MIB] = STORE === "folder" ? [512, 16] : [768, 64];

storeTest(`a body of ${LARGE_MIB} MiB in constant memory`, async () => {
  const pieces = LARGE_MIB;
  await using folder = await temporaryFolder();
  await using store = await place();
  const piece = new Uint8Array(MIB).fill(7);
  const samples: (number | null)[] = [];
  let sent = 0;
  const stop = new AbortController();
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    signal: stop.signal,
    onListen() {},
  }, () => {
    const body = new ReadableStream({
      async pull(controller) {
        if (++sent % 8 === 0) samples.push(await residentBytes(program.pid));
        controller.enqueue(piece);
        if (sent === pieces) controller.close();
      },
    });
    return new Response(body, { headers: { "content-length": `${pieces * MIB}` } });
  });
  const config = await writeConfig(folder.path, {
    store: store.location,
    state: "memory:",
    tasks: [`http://127.0.0.1:${server.addr.port}/large.bin`],
  });
  let result: TaskResult | null = null;
  await using program = startRun(config, {
    env: store.env,
    onEvent(event) {
      if (event.type === "task.finished") result = event.result;
    },
  });
  const { code, stderr } = await program.ended;
  stop.abort();
  await server.finished;
  assertEquals(code, 0, stderr);
  assertEquals((result as TaskResult | null)?.bytes, pieces * MIB);
  assertEquals(await store.sizeBytes("large.bin"), pieces * MIB);
  assertGrowthLess(samples, GROWTH_MIB * MIB);
}, { ignore });

Deno.test("100,000 tasks take the memory of their data, and little more in the pool", async () => {
  const program = fromFileUrl(new URL("many_tasks.ts", import.meta.url));
  const { stdout, code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-env", "--v8-flags=--expose-gc", program],
    stderr: "inherit",
  }).output();
  assertEquals(code, 0);
  const { worked, mostAtOnce, taskBytes, poolBytes } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals([worked, mostAtOnce], [100_000, 32]);
  assertLess(taskBytes, 500);
  // An entry of a queue, and nothing else per task.
  assertLess(poolBytes, 50);
});
