// The documented behaviour of `@std/assert`, tested on the package or its stand-in, whichever is in use. Nothing
// here may depend on the text of a message or on undocumented equality.

import * as std from "@std/assert";
import {
  assert,
  assertEquals,
  assertExists,
  AssertionError,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

/** Whether an assertion passes; other errors than AssertionError are rethrown. */
function passes(assertion: () => unknown): boolean {
  try {
    assertion();
    return true;
  } catch (error) {
    if (error instanceof AssertionError) return false;
    throw error;
  }
}

Deno.test("assertions: a failure throws an AssertionError", () => {
  // Without the helper above, which relies on it.
  let thrown: unknown;
  try {
    assertStrictEquals(1, 2);
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof AssertionError) || thrown.name !== "AssertionError") {
    throw new Error("assertStrictEquals(1, 2) did not throw an AssertionError");
  }
});

class Point {
  constructor(readonly x: number, readonly y: number) {}
}
class OtherPoint {
  constructor(readonly x: number, readonly y: number) {}
}

const EQUALITY:
  readonly (readonly [name: string, left: unknown, right: unknown, equal: boolean])[] = [
    ["numbers", 1, 1, true],
    ["NaN", NaN, NaN, true],
    ["a number and its text", 1, "1", false],
    ["null and undefined", null, undefined, false],
    ["objects, in another order", { a: 1, b: [2] }, { b: [2], a: 1 }, true],
    ["a missing key and one that is undefined", {}, { a: undefined }, false],
    ["a key that one lacks", { a: undefined }, { b: undefined }, false],
    ["arrays", [1, [2]], [1, [2]], true],
    ["an array and a longer one", [1], [1, 2], false],
    ["dates", new Date(5), new Date(5), true],
    ["other dates", new Date(5), new Date(6), false],
    ["patterns", /a/g, /a/g, true],
    ["patterns with other flags", /a/g, /a/i, false],
    ["URLs", new URL("http://a/b"), new URL("http://a/b"), true],
    ["other URLs", new URL("http://a/b"), new URL("http://a/c"), false],
    ["bytes", Uint8Array.of(1, 2), Uint8Array.of(1, 2), true],
    ["other bytes", Uint8Array.of(1, 2), Uint8Array.of(1, 3), false],
    ["bytes and more bytes", Uint8Array.of(1), Uint8Array.of(1, 2), false],
    ["bytes and an array", Uint8Array.of(1), [1], false],
    ["sets, in another order", new Set([1, { a: 1 }]), new Set([{ a: 1 }, 1]), true],
    ["other sets", new Set([1]), new Set([2]), false],
    ["a set and a larger one", new Set([1]), new Set([1, 2]), false],
    ["maps, in another order", new Map([[1, "a"], [2, "b"]]), new Map([[2, "b"], [1, "a"]]), true],
    ["other maps", new Map([[1, { a: 1 }]]), new Map([[1, { a: 2 }]]), false],
    ["instances", new Point(1, 2), new Point(1, 2), true],
    ["other instances", new Point(1, 2), new Point(1, 3), false],
    ["instances of two classes", new Point(1, 2), new OtherPoint(1, 2), false],
  ];

Deno.test("assertEquals, assertNotEquals: compare deeply", async (t) => {
  for (const [name, left, right, equal] of EQUALITY) {
    await t.step(name, () => {
      assertStrictEquals(passes(() => assertEquals(left, right)), equal);
      assertStrictEquals(passes(() => assertEquals(right, left)), equal);
      assertStrictEquals(passes(() => assertNotEquals(left, right)), !equal);
    });
  }
});

const ASSERTIONS: readonly (readonly [name: string, assertion: () => unknown, passes: boolean])[] =
  [
    ["assert of a truth", () => std.assert(1), true],
    ["assert of a falsehood", () => std.assert(""), false],
    ["assertStrictEquals of one object", () => std.assertStrictEquals(Point, Point), true],
    ["assertStrictEquals of two", () => std.assertStrictEquals({}, {}), false],
    ["assertStrictEquals of NaN", () => std.assertStrictEquals(NaN, NaN), true],
    ["assertStrictEquals of 0 and -0", () => std.assertStrictEquals(0, -0), false],
    ["assertExists of 0", () => std.assertExists(0), true],
    ["assertExists of null", () => std.assertExists(null), false],
    ["assertExists of undefined", () => std.assertExists(undefined), false],
    ["assertGreater", () => std.assertGreater(2, 1), true],
    ["assertGreater of equals", () => std.assertGreater(1, 1), false],
    ["assertLess", () => std.assertLess(1, 2), true],
    ["assertLess of equals", () => std.assertLess(1, 1), false],
    ["assertMatch", () => std.assertMatch("abc", /b/), true],
    ["assertMatch of another", () => std.assertMatch("abc", /d/), false],
    ["assertStringIncludes", () => std.assertStringIncludes("abc", "b"), true],
    ["assertStringIncludes of another", () => std.assertStringIncludes("abc", "d"), false],
    ["assertInstanceOf", () => std.assertInstanceOf(new TypeError(), Error), true],
    ["assertInstanceOf of another", () => std.assertInstanceOf(new Error(), TypeError), false],
    ["assertInstanceOf of null", () => std.assertInstanceOf(null, Object), false],
    ["assertThrows", () => std.assertThrows(fail), true],
    ["assertThrows of no throw", () => std.assertThrows(() => 1), false],
    ["assertThrows of the class", () => std.assertThrows(fail, RangeError), true],
    ["assertThrows of its parent", () => std.assertThrows(fail, Error), true],
    ["assertThrows of another class", () => std.assertThrows(fail, TypeError), false],
    ["assertThrows of the text", () => std.assertThrows(fail, RangeError, "too far"), true],
    ["assertThrows of another text", () => std.assertThrows(fail, RangeError, "too near"), false],
    ["assertThrows of no error", () => std.assertThrows(failOddly, Error), false],
  ];

function fail(): never {
  throw new RangeError("this is too far");
}

function failOddly(): never {
  // deno-lint-ignore no-throw-literal -- the assertion must handle it
  throw "text";
}

Deno.test("assertions: pass and fail as documented", async (t) => {
  for (const [name, assertion, expected] of ASSERTIONS) {
    await t.step(name, () => assertStrictEquals(passes(assertion), expected));
  }
});

Deno.test("assertions: the given message is in the error", () => {
  for (
    const assertion of [
      () => assert(false, "the reason"),
      () => assertEquals(1, 2, "the reason"),
      () => assertMatch("a", /b/, "the reason"),
      () => assertThrows(() => 1, "the reason"),
      () => assertThrows(() => 1, Error, "text", "the reason"),
    ]
  ) {
    assertStringIncludes(assertThrows(assertion, AssertionError).message, "the reason");
  }
});

Deno.test("assertions: narrow types", () => {
  const text: unknown = "abc";
  assertStrictEquals<string>(text, "abc");
  assertEquals(text.length, 3);
  const found: string | null = ["a"].find((item) => item === "a") ?? null;
  assertExists(found);
  assertEquals(found.length, 1);
  const error: unknown = new RangeError("far");
  std.assertInstanceOf(error, RangeError);
  assertEquals(error.message, "far");
  assertEquals(assertThrows(fail, RangeError).name, "RangeError");
});

const REJECTIONS:
  readonly (readonly [name: string, assertion: () => Promise<unknown>, passes: boolean])[] = [
    ["a rejection", () => assertRejects(() => Promise.reject(1)), true],
    ["no rejection", () => assertRejects(() => Promise.resolve(1)), false],
    ["the class", () => assertRejects(() => Promise.reject(new RangeError()), RangeError), true],
    ["another class", () => assertRejects(() => Promise.reject(new Error()), RangeError), false],
    [
      "the text",
      () => assertRejects(() => Promise.reject(new Error("too far")), Error, "far"),
      true,
    ],
    [
      "another text",
      () => assertRejects(() => Promise.reject(new Error("x")), Error, "far"),
      false,
    ],
    ["no error", () => assertRejects(() => Promise.reject("text"), Error), false],
  ];

Deno.test("assertRejects: passes and fails as documented", async (t) => {
  for (const [name, assertion, expected] of REJECTIONS) {
    await t.step(name, async () => {
      const error = await assertion().then(() => null, (error) => error);
      assertStrictEquals(error === null, expected);
      if (error !== null) std.assertInstanceOf(error, AssertionError);
    });
  }
  await t.step("gives the error", async () => {
    const error = new RangeError("far");
    assertStrictEquals(await assertRejects(() => Promise.reject(error), RangeError), error);
    assertStrictEquals(await assertRejects(() => Promise.reject("text")), "text");
  });
});
