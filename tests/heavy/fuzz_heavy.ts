/** More fuzzed responses than in the fast tests, with other seeds. */

import { assertEquals } from "@std/assert";
import { fuzz } from "../http/fuzzing.ts";

for (const seed of [1, 2, 3, 4, 5]) {
  Deno.test(`row 145: 20,000 fuzzed responses of seed ${seed} are read, or refused with a code`, async () => {
    const counts = await fuzz(20_000, seed);
    assertEquals(Object.values(counts).reduce((sum, count) => sum + count, 0), 20_000);
  });
}
