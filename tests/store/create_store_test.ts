// Behaviour of createStore that the conformance suite cannot provoke.

import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { createStore } from "../../lib/store/create_store.ts";
import type { DraftSteps } from "../../lib/store/draft.ts";
import type { Driver } from "../../lib/store/driver.ts";
import { osError } from "./file_system.ts";

/** A store over one suspended draft of these bytes, and the recorded calls of its driver. */
function resuming(partial: () => AsyncGenerator<Uint8Array<ArrayBuffer>>) {
  const calls: string[] = [];
  const unused = () => Promise.reject(new Error("not part of this test"));
  const steps: DraftSteps = {
    existing: null,
    append: unused,
    seal: unused,
    read: unused,
    publish: unused,
    suspend: unused,
    remove: () => Promise.resolve(void calls.push("removed")),
  };
  const driver: Driver = {
    location: "test:",
    begin: unused,
    resume: () => Promise.resolve({ steps, partial: partial() }),
    stat: () => Promise.resolve(null),
    read: unused,
    async *list() {},
    remove: unused,
    close: (isClean) => Promise.resolve(void calls.push(`closed ${isClean}`)),
  };
  return { store: createStore(driver), calls };
}

Deno.test("resume removes the draft if reading its bytes fails", async () => {
  const { store, calls } = resuming(async function* () {
    yield new Uint8Array(3);
    throw await Promise.resolve(osError("EIO"));
  });
  const { signal } = new AbortController();
  const error = await assertRejects(() => store.resume("a", "name", signal), CronfetchError);
  assertEquals(error.code, "store.failed");
  assertEquals(calls, ["removed"]);
  await store[Symbol.asyncDispose]();
  assertEquals(calls, ["removed", "closed true"]);
});

Deno.test("resume removes the draft if it is aborted between two pieces", async () => {
  const stop = new AbortController();
  const reason = new CronfetchError("cancelled", "interrupted");
  const { store, calls } = resuming(async function* () {
    yield new Uint8Array(3);
    stop.abort(reason);
    yield await Promise.resolve(new Uint8Array(3));
  });
  assertEquals(await assertRejects(() => store.resume("a", "name", stop.signal)), reason);
  assertEquals(calls, ["removed"]);
  await store[Symbol.asyncDispose]();
});
