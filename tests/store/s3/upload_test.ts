import { assertEquals } from "@std/assert";
import { partBytesFor, Turns } from "../../../lib/store/s3/upload.ts";

const MIB = 2 ** 20;

Deno.test("parts are as small as S3 allows, and never more than it allows", () => {
  assertEquals(partBytesFor(null), 5 * MIB);
  assertEquals(partBytesFor(0), 5 * MIB);
  assertEquals(partBytesFor(50_000 * MIB), 5 * MIB);
  assertEquals(partBytesFor(50_001 * MIB), 6 * MIB);
  assertEquals(partBytesFor(5 * MIB * MIB), 525 * MIB);
});

Deno.test("turns are given in the order of asking, and no more than there are", async () => {
  const turns = new Turns(2);
  const order: string[] = [];
  const take = async (name: string) => {
    const free = await turns.take();
    order.push(name);
    return free;
  };
  const [a, _b] = await Promise.all([take("a"), take("b")]);
  const c = take("c");
  const d = take("d");
  await Promise.resolve();
  assertEquals(order, ["a", "b"]);
  a();
  const freeC = await c;
  assertEquals(order, ["a", "b", "c"]);
  freeC();
  (await d)();
  assertEquals(order, ["a", "b", "c", "d"]);
  await take("e");
});
