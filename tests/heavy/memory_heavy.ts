/** Memory stays flat: over many files, over a large one (row 83), over many tasks (row 94). */

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { TaskResult } from "../../lib/core/result.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { place, STORE, storeTest } from "../helpers/place.ts";
import { startRun, writeConfig } from "./program.ts";

const MIB = 2 ** 20;

/** Only there does the system tell what a process holds. */
const ignore = Deno.build.os !== "linux";

/**
 * Resident memory of a process, in bytes; null if it has ended. Asked by another
 * program, as Deno lets nobody read in /proc who may not do everything.
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
 * Fails if more memory was held in the last quarter of the samples than in the
 * second, by `boundBytes` or more. Samples of a process that has ended do not count.
 */
function assertGrowthLess(samples: readonly (number | null)[], boundBytes: number): void {
  const held = samples.filter((bytes) => bytes !== null);
  assertGreater(held.length, samples.length * 0.9, "a living process tells its memory");
  const quarter = Math.floor(held.length / 4);
  const growthBytes = Math.max(...held.slice(-quarter)) -
    Math.max(...held.slice(quarter, 2 * quarter));
  assertLess(growthBytes, boundBytes, held.map((bytes) => Math.round(bytes / MIB)).join(" "));
}

/** A server in a process of its own: `/SIZE/NAME` is a file of SIZE bytes. */
async function startOrigin(): Promise<AsyncDisposable & { readonly origin: string }> {
  const program = fromFileUrl(new URL("plain_origin.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", program],
    stdout: "piped",
  }).spawn();
  const said = child.stdout.getReader();
  const { value } = await said.read();
  return {
    origin: `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await said.cancel();
      await child.status;
    },
  };
}

storeTest("20,000 files of 1 KiB in flat memory", async () => {
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
    // V8 lets garbage pile up as long as it may, which would hide what is really held.
    heapMiB: 128,
    onEvent(event) {
      if (event.type !== "task.finished") return;
      if (++finished % 200 === 0) sampling.push(residentBytes(program.pid));
    },
  });
  const { code, said } = await program.ended;
  assertEquals([code, finished], [0, files], said);
  assertEquals((await store.names()).length, files);
  const samples = await Promise.all(sampling);
  // What is kept of 10,000 files, between the two quarters, shows from 3 KiB a file on.
  assertGrowthLess(samples, 32 * MIB);
}, { ignore });

/**
 * A large body, and by how much memory may grow on its second half; in MiB. Parts on their way into
 * a bucket are large, and until they are collected there are some more at one time than at another.
 */
const [LARGE_MIB, GROWTH_MIB] = STORE === "folder" ? [512, 16] : [768, 64];

storeTest(`a body of ${LARGE_MIB} MiB in flat memory`, async () => {
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
  const { code, said } = await program.ended;
  stop.abort();
  await server.finished;
  assertEquals(code, 0, said);
  assertEquals((result as TaskResult | null)?.bytes, pieces * MIB);
  assertEquals(await store.sizeBytes("large.bin"), pieces * MIB);
  assertGrowthLess(samples, GROWTH_MIB * MIB);
}, { ignore });

Deno.test("100,000 tasks cost what their data costs, and the pool little more", async () => {
  const program = fromFileUrl(new URL("many_tasks.ts", import.meta.url));
  const { stdout, code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-env", "--v8-flags=--expose-gc", program],
    stderr: "inherit",
  }).output();
  assertEquals(code, 0);
  const { worked, mostAtOnce, taskBytes, poolBytes } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals([worked, mostAtOnce], [100_000, 32]);
  assertLess(taskBytes, 500);
  // A place in a queue, and nothing that belongs to a piece of work.
  assertLess(poolBytes, 50);
});
