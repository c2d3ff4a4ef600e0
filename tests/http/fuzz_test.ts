import { assert, assertEquals } from "@std/assert";
import { fuzz } from "./fuzzing.ts";

Deno.test("row 145: Http1Client reads 10,000 fuzzed responses, or refuses them with a code", async () => {
  const counts = await fuzz(10_000, 7);
  assertEquals(Object.keys(counts).sort(), [
    "body.truncated",
    "http.protocol",
    "net.reset",
    "read",
  ]);
  for (const [outcome, count] of Object.entries(counts)) {
    assert(count > 200, `${outcome}: ${count}`);
  }
});
