// The documented behaviour of `@std/async`, tested on the package or its stand-in, whichever is in use. Nothing
// here may depend on the text of a message or on undocumented behaviour.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { abortable, deadline, delay, pooledMap } from "@std/async";

Deno.test("delay: resolves, or rejects with the reason of the signal", async () => {
  assertStrictEquals(await delay(1), undefined);
  const reason = new Error("enough");
  assertStrictEquals(
    await assertRejects(() => delay(1e9, { signal: AbortSignal.abort(reason) })),
    reason,
  );
  const controller = new AbortController();
  const waiting = delay(1e9, { signal: controller.signal });
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => waiting), reason);
  const long = delay(1e9, { signal: AbortSignal.timeout(1), persistent: false });
  assertEquals((await assertRejects(() => long, DOMException)).name, "TimeoutError");
});

Deno.test("abortable: settles like the promise, or rejects with the reason of the signal", async () => {
  const { signal } = new AbortController();
  const reason = new Error("enough");
  assertStrictEquals(await abortable(Promise.resolve(7), signal), 7);
  assertStrictEquals(
    await assertRejects(() => abortable(Promise.reject(reason), signal)),
    reason,
  );
  assertStrictEquals(
    await assertRejects(() => abortable(Promise.resolve(7), AbortSignal.abort(reason))),
    reason,
  );
  const controller = new AbortController();
  const waiting = abortable(new Promise(() => {}), controller.signal);
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => waiting), reason);
});

Deno.test("deadline: settles like the promise, or rejects with TimeoutError or the signal's reason", async () => {
  const never = new Promise<never>(() => {});
  assertStrictEquals(await deadline(Promise.resolve(7), 1000), 7);
  assertEquals((await assertRejects(() => deadline(never, 1), DOMException)).name, "TimeoutError");
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  assertStrictEquals(await assertRejects(() => deadline(never, 1000, { signal })), reason);
});

Deno.test("pooledMap: keeps the order and the limit", async () => {
  let running = 0;
  let most = 0;
  const started: number[] = [];
  const results = pooledMap(2, [3, 1, 2, 4], async (item) => {
    started.push(item);
    most = Math.max(most, ++running);
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    running--;
    return item * 10;
  });
  assertEquals(await Array.fromAsync(results), [30, 10, 20, 40]);
  assertEquals(started, [3, 1, 2, 4]);
  assertEquals(most, 2);
});

Deno.test("pooledMap: accepts an async iterable and an empty one", async () => {
  async function* items() {
    yield 1;
    yield await Promise.resolve(2);
  }
  assertEquals(await Array.fromAsync(pooledMap(2, items(), (item) => Promise.resolve(-item))), [
    -1,
    -2,
  ]);
  assertEquals(await Array.fromAsync(pooledMap(2, [], () => Promise.resolve(1))), []);
});

Deno.test("pooledMap: rejects with all failures after the other results", async () => {
  const started: number[] = [];
  const given: number[] = [];
  const failing = async () => {
    const results = pooledMap(2, [1, 2, 3, 4], async (item) => {
      started.push(item);
      if (item === 1) throw new RangeError("one");
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
      return item;
    });
    for await (const item of results) given.push(item);
  };
  const error = await assertRejects(failing, AggregateError);
  assertEquals(error.errors.map(String), ["RangeError: one"]);
  assertEquals(started, [1, 2]);
  assertEquals(given, [2]);
});
