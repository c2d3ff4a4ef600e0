import { assertEquals } from "@std/assert";
import { ActiveSet } from "../../lib/core/active_set.ts";

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
