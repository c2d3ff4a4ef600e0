import { assertEquals } from "@std/assert";
import { ActiveSet, BufferPool } from "../../lib/core/allocation.ts";

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

Deno.test("ActiveSet: has what was added and not deleted, like a Set", () => {
  const objects = Array.from({ length: 5 }, (_, id) => ({ id }));
  const members = new ActiveSet<{ id: number }>();
  const expected = new Set<{ id: number }>();
  // Each of several objects leaves first, last and in the middle.
  const steps = [0, 1, 2, 3, 4, 2, 0, 4, 2, 1, 3, 2, 0, 0, 1];
  for (const step of steps) {
    const object = objects[step] ?? { id: -1 };
    if (expected.delete(object)) members.delete(object);
    else expected.add(object), members.add(object);
    assertEquals(members.size, expected.size);
    assertEquals(new Set(members.all()), expected);
  }
});

Deno.test("ActiveSet: another object is not deleted, and a list is not changed later", () => {
  const [one, other] = [{}, {}];
  const members = new ActiveSet();
  members.add(one);
  members.delete(other);
  const all = members.all();
  members.delete(one);
  members.delete(one);
  assertEquals([all, members.size, members.all()], [[one], 0, []]);
});
