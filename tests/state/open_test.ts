import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { openState } from "../../lib/state/open.ts";
import { testHost } from "../helpers/host.ts";

Deno.test("memory: is open at once, and empty each time", async () => {
  await using state = await openState("memory:", testHost());
  assertEquals([state.location, state.durable], ["memory:", false]);
  await state.acquire(["a"], "run", 1000);
  await using other = await openState("memory:", testHost());
  assertEquals(await other.acquire(["a"], "other", 1000), new Set(["a"]));
});

for (
  const [location, message] of [
    ["", "the state is none of memory:, kv: and file:"],
    ["state.json", "the state is none of memory:, kv: and file:"],
    ["redis://user:secret@host/1", "redis: is none of memory:, kv: and file:"],
    ["memory:x", "memory: takes nothing after it"],
    ["kv:state.db", "kv:state.db needs an absolute path"],
    ["file:", "file: needs an absolute path"],
    ["file:./state.json", "file:./state.json needs an absolute path"],
    [
      "postgres://user:secret@host/db",
      "postgres: is not supported in this version; use kv: or file:",
    ],
    ["postgresql://host/db", "postgresql: is not supported in this version; use kv: or file:"],
  ] as const
) {
  Deno.test(`"${location}" is refused`, async () => {
    const error = await assertRejects(() => openState(location, testHost()), CronfetchError);
    assertEquals([error.code, error.message], ["config.invalid", `opening the state: ${message}`]);
  });
}
