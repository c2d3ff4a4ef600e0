import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { DEFAULT_HISTORY_MS } from "../../lib/state/history.ts";
import type { State } from "../../lib/state/state.ts";
import {
  openExistingState,
  openStorage,
  type RunStorage,
  SharedStorage,
  type StorageLocations,
} from "../../lib/worker/storage.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { openState, openStore, stateLocation } from "../helpers/open.ts";
import { runRecord } from "../state/samples.ts";

const host = testHost();
const locked = new CronfetchError("state.locked", "opening the state: it is locked");

/** Locations that differ by a name, which is the only run in the storage. */
function locations(name: string): StorageLocations {
  return {
    state: stateLocation(`file:/${name}`),
    store: { kind: "memory" },
    historyMs: DEFAULT_HISTORY_MS,
    sync: false,
    hosts: [],
  };
}

/** A storage in memory with one run. */
async function storageWith(run: string, change: Partial<State> = {}): Promise<RunStorage> {
  const state = await openState("memory:", host);
  state.addRun(runRecord(run, "2026-01-15T09:00:00Z"));
  await state.flush();
  return {
    state: { ...state, runs: (limit) => state.runs(limit), ...change },
    openStore: async (owned) => owned.use(await openStore("memory:", { sync: false }, host)),
    [Symbol.asyncDispose]: () => state[Symbol.asyncDispose](),
  };
}

async function runsOf({ state }: SharedStorage): Promise<string[]> {
  return (await state.runs(1)).map(({ run }) => run);
}

Deno.test("SharedStorage.state: the first read opens the storage, once", async () => {
  let openings = 0;
  await using storage = new SharedStorage(locations("first"), () => {
    openings++;
    return storageWith("first");
  });
  assertEquals(openings, 0);
  assertEquals(await Promise.all([runsOf(storage), runsOf(storage)]), [["first"], ["first"]]);
  await storage.open();
  assertEquals(openings, 1);
});

Deno.test("SharedStorage.replace: closes the storage, then opens the other locations", async () => {
  const calls: string[] = [];
  await using storage = new SharedStorage(locations("first"), async ({ state }) => {
    const name = state.kind === "file" ? state.path : "";
    calls.push(`open ${name}`);
    const opened = await storageWith(name);
    return {
      ...opened,
      [Symbol.asyncDispose]: () => Promise.resolve(void calls.push(`close ${name}`)),
    };
  });
  assertEquals(await runsOf(storage), ["/first"]);
  await storage.replace(locations("first"));
  await storage.replace(locations("second"));
  assertEquals(await runsOf(storage), ["/second"]);
  assertEquals(calls, ["open /first", "close /first", "open /second"]);
});

Deno.test("SharedStorage.state: a read during replace is repeated on the new storage", async () => {
  const answer = Promise.withResolvers<never>();
  const runs = () => answer.promise;
  await using storage = new SharedStorage(
    locations("first"),
    ({ state }) =>
      state.kind === "file" && state.path === "/first"
        ? storageWith("first", { runs })
        : storageWith("second"),
  );
  await storage.open();
  const read = runsOf(storage);
  const replaced = storage.replace(locations("second"));
  answer.reject(new Error("closed"));
  assertEquals(await read, ["second"]);
  await replaced;
});

Deno.test("SharedStorage.state: an error of the open storage is thrown", async () => {
  await using storage = new SharedStorage(
    locations("first"),
    () => storageWith("first", { runs: () => Promise.reject(locked) }),
  );
  await assertRejects(() => runsOf(storage), CronfetchError, "it is locked");
});

Deno.test("SharedStorage.open: tried again after a failure", async () => {
  const opened: string[] = [];
  const failing = new Set(["/first", "/second"]);
  await using storage = new SharedStorage(locations("first"), async ({ state }) => {
    const name = state.kind === "file" ? state.path : "";
    opened.push(name);
    if (failing.has(name)) throw locked;
    return await storageWith(name);
  });
  await assertRejects(() => storage.open(), CronfetchError, "it is locked");
  await assertRejects(() => storage.store.stat("a"), CronfetchError, "it is locked");
  failing.delete("/first");
  assertEquals(await runsOf(storage), ["/first"]);
  await assertRejects(() => storage.replace(locations("second")), CronfetchError, "it is locked");
  // The last locations are in force again.
  assertEquals(await runsOf(storage), ["/first"]);
  assertEquals(opened, ["/first", "/first", "/first", "/second", "/first"]);
});

Deno.test("SharedStorage: rejects every use after disposal", async () => {
  const storage = new SharedStorage(locations("first"), () => storageWith("first"));
  await storage.open();
  await storage[Symbol.asyncDispose]();
  await assertRejects(() => storage.open(), CronfetchError, "cronfetch is stopping");
  await assertRejects(() => runsOf(storage), CronfetchError, "cronfetch is stopping");
});

Deno.test("SharedStorage.store: closes each store, after the last piece of a read", async () => {
  await using store = await openStore("memory:", { sync: false }, host);
  await using draft = await store.draft("a");
  await draft.write(new TextEncoder().encode("of a"));
  await draft.seal();
  await draft.publish();
  let open = 0;
  await using storage = new SharedStorage(locations("first"), async () => ({
    ...await storageWith("first"),
    openStore: (owned) => {
      open++;
      owned.defer(() => void open--);
      return Promise.resolve(store);
    },
  }));
  assertEquals([(await storage.store.stat("a"))?.sizeBytes, open], [4, 0]);
  const body = await storage.store.read("a", new AbortController().signal);
  assertEquals(open, 1);
  let bytes = 0;
  for await (const piece of body ?? []) bytes += piece.length;
  assertEquals([bytes, open], [4, 0]);
  assertEquals([await storage.store.read("b", new AbortController().signal), open], [null, 0]);
});

Deno.test("openStorage: a store in memory keeps its files from run to run", async () => {
  await using storage = await openStorage(
    {
      state: { kind: "memory" },
      store: { kind: "memory" },
      historyMs: DEFAULT_HISTORY_MS,
      sync: false,
      hosts: [],
    },
    host,
  );
  const sizes: (number | undefined)[] = [];
  for (const _run of [1, 2]) {
    await using owned = new AsyncDisposableStack();
    const store = await storage.openStore(owned);
    sizes.push((await store.stat("a"))?.sizeBytes);
    await using draft = await store.draft("a");
    await draft.write(new Uint8Array(3));
    await draft.seal();
    await draft.publish();
  }
  assertEquals(sizes, [undefined, 3]);
});

Deno.test("openStorage: leaves given state and store open", async () => {
  await using state = await openState("memory:", host);
  await using store = await openStore("memory:", { sync: false }, host);
  {
    await using storage = await openStorage(locations("unused"), host, { state, store });
    await using owned = new AsyncDisposableStack();
    assertEquals([storage.state, await storage.openStore(owned)], [state, store]);
  }
  assertEquals([await state.runs(1), await store.stat("a")], [[], null]);
});

Deno.test("openExistingState: does not create a missing file", async () => {
  await using folder = await temporaryFolder();
  for (const kind of ["file", "kv"] as const) {
    const path = folder.file(kind);
    await using state = await openExistingState({ kind, path }, host);
    assertEquals([...(await state.allRecords()).keys()], []);
  }
  assertEquals([...Deno.readDirSync(folder.path)], []);
});
