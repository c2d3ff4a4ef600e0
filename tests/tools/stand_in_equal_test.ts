// Equality of the stand-in for `@std/assert` where the package has no documented behaviour: different
// values in tests of this repository must not be equal.

import { assertStrictEquals } from "@std/assert";
import { equal } from "../../tools/std_stand_ins/assert/equal.ts";

const instant = (text: string) => Temporal.Instant.from(text);
const circle = (name: string) => {
  const node: { name: string; self?: unknown } = { name };
  node.self = node;
  return node;
};

const used = (pattern: RegExp) => {
  pattern.test("a");
  return pattern;
};
const pairs = (part: object, ...numbers: number[]) =>
  new Set(numbers.map((number) => [part, number]));

const EQUALITY:
  readonly (readonly [name: string, left: unknown, right: unknown, equal: boolean])[] = [
    ["zero and minus zero", 0, -0, true],
    ["a plain object and one without prototype", { a: 1 }, { __proto__: null, a: 1 }, true],
    ["dates that are none", new Date(NaN), new Date(NaN), true],
    ["a pattern that was used", used(/a/g), /a/g, true],
    ["parameters", new URLSearchParams("a=1"), new URLSearchParams("a=1"), true],
    ["other parameters", new URLSearchParams("a=1"), new URLSearchParams("a=2"), false],
    ["instants", instant("2026-01-01T00:00Z"), instant("2026-01-01T00:00Z"), true],
    ["other instants", instant("2026-01-01T00:00Z"), instant("2026-01-02T00:00Z"), false],
    ["sets that share other parts", pairs({ v: 1 }, 1, 2), pairs({ v: 2 }, 2, 1), false],
    ["circles", circle("a"), circle("a"), true],
    ["other circles", circle("a"), circle("b"), false],
  ];

Deno.test("equal: compares deeply, in both directions", async (t) => {
  for (const [name, left, right, expected] of EQUALITY) {
    await t.step(name, () => {
      assertStrictEquals(equal(left, right), expected);
      assertStrictEquals(equal(right, left), expected);
    });
  }
});
