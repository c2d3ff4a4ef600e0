import { assertEquals } from "@std/assert";
import { BufferPool } from "../../lib/core/buffers.ts";

Deno.test("BufferPool: buffers are used again, up to 4 MiB of each size, and detached ones are dropped", () => {
  for (const [sizeBytes, kept] of [[64 * 1024, 64], [512 * 1024, 8], [1000, 0]] as const) {
    const pool = new BufferPool();
    const buffers = Array.from({ length: 70 }, () => pool.take(sizeBytes));
    assertEquals(new Set(buffers).size, 70);
    const [first] = buffers;
    for (const buffer of buffers) pool.release(buffer);
    const again = Array.from({ length: 70 }, () => pool.take(sizeBytes));
    assertEquals(again.filter((buffer) => buffers.includes(buffer)).length, kept);
    assertEquals(again.includes(first as ArrayBuffer), kept > 0);
    const detached = pool.take(sizeBytes);
    structuredClone(detached, { transfer: [detached] });
    pool.release(detached);
    assertEquals(pool.take(sizeBytes).byteLength, sizeBytes);
  }
});
