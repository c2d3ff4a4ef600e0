import { assertEquals } from "@std/assert";
import { openState } from "../helpers/open.ts";
import { testHost } from "../helpers/host.ts";

Deno.test("openState: memory: is empty each time", async () => {
  await using state = await openState("memory:", testHost());
  assertEquals([state.location, state.durable], ["memory:", false]);
  await state.acquire(["a"], "run", 1000);
  await using other = await openState("memory:", testHost());
  assertEquals(await other.acquire(["a"], "other", 1000), new Set(["a"]));
});
