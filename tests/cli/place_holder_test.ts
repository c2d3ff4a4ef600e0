import { assertEquals, assertRejects } from "@std/assert";
import { createPlaceHolder, type Open } from "../../lib/cli/place_holder.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import { openState, openStore } from "../helpers/open.ts";
import type { State } from "../../lib/state/state.ts";
import { testHost } from "../helpers/host.ts";
import { runRecord } from "../state/samples.ts";

const host = testHost();
const gone = new CronfetchError("state.locked", "opening the state: it is locked");

/** A state with one run, and a store in memory. */
async function places(run: string, change: Partial<State> = {}): Promise<Open> {
  const state = await openState("memory:", host);
  state.addRun(runRecord(run, "2026-01-15T09:00:00Z"));
  await state.flush();
  const runs: State["runs"] = (limit) => state.runs(limit);
  return {
    state: { ...state, runs, ...change },
    openStore: () => openStore("memory:", { sync: false }, host),
  };
}

Deno.test("a place holder: who asks too early waits for what comes", async () => {
  const holder = createPlaceHolder();
  const asked = holder.state.runs(1);
  holder.opened(await places("first"));
  assertEquals((await asked).map(({ run }) => run), ["first"]);
  holder.closed();
  const again = holder.state.runs(1);
  holder.opened(await places("second"));
  assertEquals((await again).map(({ run }) => run), ["second"]);
});

Deno.test("a place holder: who has asked what was closed meanwhile is answered by the next", async () => {
  const holder = createPlaceHolder();
  const answer = Promise.withResolvers<never>();
  holder.opened(await places("first", { runs: () => answer.promise }));
  const asked = holder.state.runs(1);
  await Promise.resolve();
  holder.closed();
  answer.reject(new Error("closed"));
  holder.opened(await places("second"));
  assertEquals((await asked).map(({ run }) => run), ["second"]);
});

Deno.test("a place holder: what goes wrong in what is open is told", async () => {
  const holder = createPlaceHolder();
  holder.opened(await places("first", { runs: () => Promise.reject(gone) }));
  await assertRejects(() => holder.state.runs(1), CronfetchError, "it is locked");
});

Deno.test("a place holder: a failure is told until something is open", async () => {
  const holder = createPlaceHolder();
  const asked = holder.state.runs(1);
  holder.failed(gone);
  await assertRejects(() => asked, CronfetchError, "it is locked");
  await assertRejects(() => holder.state.records(["a"]), CronfetchError, "it is locked");
  await assertRejects(() => holder.store.stat("a"), CronfetchError, "it is locked");
  const open = await places("first");
  holder.opened(open);
  // As long as something is open, it is no matter.
  holder.failed(gone);
  assertEquals((await holder.state.runs(1)).length, 1);
  assertEquals(await holder.store.stat("a"), null);
  assertEquals(await holder.store.read("a", new AbortController().signal), null);
});

Deno.test("a place holder: each store is closed, one that is read from after its end", async () => {
  const holder = createPlaceHolder();
  const { state } = await places("first");
  await using store = await openStore("memory:", { sync: false }, host);
  await using draft = await store.draft("a");
  await draft.write(new TextEncoder().encode("of a"));
  await draft.seal();
  await draft.publish();
  let open = 0;
  const opened = () => {
    open++;
    return Promise.resolve({
      ...store,
      [Symbol.asyncDispose]: () => Promise.resolve(void open--),
    });
  };
  holder.opened({ state, openStore: opened });
  assertEquals([(await holder.store.stat("a"))?.sizeBytes, open], [4, 0]);
  const body = await holder.store.read("a", new AbortController().signal);
  assertEquals(open, 1);
  let bytes = 0;
  for await (const piece of body ?? []) bytes += piece.length;
  assertEquals([bytes, open], [4, 0]);
  assertEquals([await holder.store.read("b", new AbortController().signal), open], [null, 0]);
});
