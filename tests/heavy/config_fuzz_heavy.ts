import { assert } from "@std/assert";
import { loadMutated } from "../config/fuzz.ts";

for (let part = 1; part <= 10; part++) {
  Deno.test(`row 142: 10,000 more mutated configs, from seed ${part * 10_000}`, async () => {
    const { valid } = await loadMutated(part * 10_000, 10_000);
    assert(valid > 500 && valid < 9_500, `${valid} are valid`);
  });
}
