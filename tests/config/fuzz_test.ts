import { assert } from "@std/assert";
import { loadMutated } from "./fuzz.ts";

for (let part = 0; part < 5; part++) {
  Deno.test(`row 142: 2,000 mutated configs are valid or a ConfigError, from seed ${part * 2_000}`, async () => {
    const { valid } = await loadMutated(part * 2_000, 2_000);
    // If every mutation were invalid, only the parsers would be tested.
    assert(valid > 100 && valid < 1_900, `${valid} are valid`);
  });
}
