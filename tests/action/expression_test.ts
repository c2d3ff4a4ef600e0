// The documented behaviour of GitHub's expressions, which the evaluator must match.

import { assertEquals, assertThrows } from "@std/assert";
import { condition, evaluate, interpolate } from "./expression.ts";

const scope = (failed: boolean) => ({
  values: { "inputs.a": "x", "inputs.no-such": "", "steps.s.outcome": "skipped" },
  functions: {
    success: () => !failed,
    failure: () => failed,
    always: () => true,
    cancelled: () => false,
  },
});

Deno.test("expressions: values, operators and functions", () => {
  const table: [source: string, value: string | boolean][] = [
    ["inputs.a", "x"],
    [" inputs.unknown ", ""],
    ["'it''s'", "it's"],
    ["inputs.a == 'x'", true],
    ["inputs.a != 'x'", false],
    ["inputs.a == 'x' && 'yes' || 'no'", "yes"],
    ["inputs.a == 'y' && 'yes' || 'no'", "no"],
    ["!(inputs.a == 'y' || false)", true],
    ["!cancelled() && steps.s.outcome != 'skipped'", false],
  ];
  for (const [source, value] of table) assertEquals(evaluate(source, scope(false)), value, source);
  assertEquals(interpolate("a ${{ inputs.a }} ${{inputs.no-such}}b", scope(false)), "a x b");
  for (const source of ["", "inputs.a ==", "format('a')", "a b", "(a", "a ? b"]) {
    assertThrows(() => evaluate(source, scope(false)), Error, "", source);
  }
});

Deno.test("conditions: imply success() without a status function", () => {
  const table: [source: string, good: boolean, bad: boolean][] = [
    ["inputs.a == 'x'", true, false],
    ["${{ inputs.a == 'x' }}", true, false],
    ["${{ !cancelled() && inputs.a == 'x' }}", true, true],
    ["failure()", false, true],
    ["always() && inputs.a == 'y'", false, false],
  ];
  for (const [source, good, bad] of table) {
    assertEquals([condition(source, scope(false)), condition(source, scope(true))], [good, bad]);
  }
});
