import { assertEquals, assertRejects } from "@std/assert";
import { DEFAULT_OPTIONS } from "../../lib/config/options.ts";
import { createParts } from "../../lib/download/resume.ts";
import { openMemory } from "../../lib/store/memory.ts";
import type { PartRecord } from "../../lib/state/state.ts";

const SOURCE = "https://x.example/a";

const TASK = { key: "a", conditional: true, expect: DEFAULT_OPTIONS.expect };

/** A partial file, suspended in a store. */
async function suspendedPart(store: ReturnType<typeof openMemory>): Promise<PartRecord> {
  await using draft = await store.draft("a");
  await draft.write(new Uint8Array(100));
  const name = await draft.suspend();
  const about = { key: "a", source: SOURCE, validator: '"1"', sizeBytes: 100, totalBytes: 200 };
  return { ...about, draft: name };
}

Deno.test("createParts: a partial file that could not be opened is kept for the next run", async () => {
  await using store = openMemory();
  const remembered = await suspendedPart(store);
  const failure = new Error("interrupted");
  const { signal } = new AbortController();
  const parts = createParts({
    store: { ...store, resume: () => Promise.reject(failure) },
    statCache: store.statCache([], signal),
    signal,
    task: TASK,
    recorded: remembered,
    durable: true,
  });
  assertEquals(await assertRejects(() => parts.resume(SOURCE)), failure);
  assertEquals(await parts.finish(false), remembered);
  const resumed = await store.resume("a", remembered.draft, signal);
  assertEquals(resumed?.draft.sizeBytes, 100);
  await resumed?.draft.discard();
});

Deno.test("createParts: a partial file of another source is dropped", async () => {
  await using store = openMemory();
  const remembered = await suspendedPart(store);
  const { signal } = new AbortController();
  const statCache = store.statCache([], signal);
  const parts = createParts({
    store,
    statCache,
    signal,
    task: TASK,
    recorded: remembered,
    durable: true,
  });
  assertEquals(await parts.resume("https://mirror.example/a"), null);
  assertEquals(await parts.finish(false), null);
  assertEquals(await store.resume("a", remembered.draft, signal), null);
});

Deno.test("createParts: a partial file that cannot be resumed is dropped unread", async () => {
  await using store = openMemory();
  const remembered = await suspendedPart(store);
  const { signal } = new AbortController();
  let resumed = 0;
  const parts = createParts({
    store: {
      ...store,
      resume: (...given) => {
        resumed++;
        return store.resume(...given);
      },
    },
    statCache: store.statCache([], signal),
    signal,
    task: { ...TASK, conditional: false },
    recorded: remembered,
    durable: true,
  });
  assertEquals([await parts.resume(SOURCE), resumed], [null, 0]);
  assertEquals(await parts.finish(false), null);
  assertEquals(await store.resume("a", remembered.draft, signal), null);
});
