import { assertNotEquals } from "@std/assert";
import { openMemory } from "../../lib/store/memory.ts";
import { storeConformance } from "./conformance.ts";
import { put } from "./fixture.ts";

storeConformance("memory", () => {
  const store = openMemory();
  return Promise.resolve({
    store,
    refusesChanged: true,
    reopen: null,
    [Symbol.asyncDispose]: store[Symbol.asyncDispose],
  });
});

Deno.test("openMemory: two versions of one size differ in modifiedMs", async () => {
  await using store = openMemory();
  assertNotEquals(await put(store, "a", "one"), await put(store, "a", "two"));
});
