import { assertEquals, assertMatch } from "@std/assert";
import { walDamage } from "../../../lib/state/kv/check.ts";
import { healthyDatabase } from "../damage.ts";

const HEADER_BYTES = 32;
const FRAME_BYTES = 4_120;

Deno.test("walDamage: damage before a whole commit is found at every frame, a cut at none", async () => {
  const { log } = await healthyDatabase();
  const frames = (log.length - HEADER_BYTES) / FRAME_BYTES;
  assertEquals(walDamage(log), null);
  for (let frame = 0; frame < frames; frame++) {
    const start = HEADER_BYTES + frame * FRAME_BYTES;
    for (const at of [0, 5, 9, 17, 24, FRAME_BYTES - 1]) {
      const copy = log.slice();
      copy[start + at] = (copy[start + at] ?? 0) ^ 1;
      const found = walDamage(copy);
      const isLast = frame === frames - 1;
      // Of the frame before the last commit, the sum that the commit continues.
      const isLink = frame === frames - 2 && at === 17;
      if (isLast || isLink) assertEquals(found, null, `byte ${at} of frame ${frame}`);
      else assertMatch(found ?? "", /^a page before byte \d+ is damaged$/);
    }
    for (const end of [start, start + 10, start + 24, start + 2_000]) {
      assertEquals(walDamage(log.slice(0, end)), null, `cut at byte ${end}`);
    }
  }
});

Deno.test("walDamage: the header", () => {
  const header = new Uint8Array(HEADER_BYTES);
  assertEquals(walDamage(new Uint8Array()), null);
  assertEquals(walDamage(header.subarray(1)), "its header is cut off");
  assertEquals(walDamage(header), "it has no header");
  header.set([0x37, 0x7f, 0x06, 0x83]);
  assertEquals(walDamage(header), "its header is damaged");
});
