import { assertEquals } from "@std/assert";
import {
  compileQuery,
  locationText,
  problemWithQuery,
  selectNodes,
  singularPrefix,
} from "../../lib/core/json_path.ts";

Deno.test("problemWithQuery: names what is wrong", () => {
  assertEquals(problemWithQuery("$..a[?@.b > 1]"), null);
  assertEquals(problemWithQuery("$['a', 'b'][0:2]"), null);
  for (const query of ["generated", "$.", "$.a[", "$[?match(@.a)]", "", "$".repeat(2_000)]) {
    assertEquals(typeof problemWithQuery(query), "string", query);
  }
});

Deno.test("selectNodes: regular expressions are matched in linear time, and as a whole", () => {
  const value = [{ a: "xab" }, { a: "ab" }, { a: "a".repeat(100_000) }, { b: 1 }];
  assertEquals(selectNodes("$[?match(@.a, '(a+)+b')]", value), [[1]]);
  assertEquals(selectNodes("$[?search(@.a, '(a+)+b')]", value), [[0], [1]]);
  assertEquals(selectNodes("$[?match(@.a, '(')]", value), []);
});

Deno.test("selectNodes: more nodes than a call has arguments", () => {
  const value = Array.from({ length: 200_000 }, (_, a) => ({ a }));
  assertEquals(selectNodes("$[*].a", value)?.length, 200_000);
});

Deno.test("compileQuery: names without the engine select what it selects", () => {
  const value = JSON.parse(
    '{ "a": { "b": [1], "c": null, "0": 2 }, "__proto__": { "x": 1 }, "d": [3] }',
  );
  const table: [query: string, found: unknown][] = [
    ["$", value],
    ["$.a.b", [1]],
    ["$['a']['c']", null],
    ["$.a['0']", 2],
    ["$.a.b[0]", 1],
    ["$['__proto__'].x", 1],
    ["$.d['0']", undefined],
    ["$.d.length", undefined],
    ["$.a.toString", undefined],
    ["$.a.c.e", undefined],
    ["$.x.y", undefined],
  ];
  for (const [query, found] of table) {
    const nodes = compileQuery(query)(value) ?? [];
    assertEquals(nodes.map((node) => node.value), found === undefined ? [] : [found], query);
  }
});

Deno.test("singularPrefix: the part that selects at most one node", () => {
  const table: [query: string, prefix: string][] = [
    ["$", "$"],
    ["$.a.b", "$.a.b"],
    ["$.a[0]['b c']", "$.a[0]['b c']"],
    ["$.a.b[*].c", "$.a.b"],
    ["$.a..b", "$.a"],
    ["$.a['b','c'].d", "$.a"],
    ["$[?@.a]", "$"],
    ["$.a[1:].b", "$.a"],
  ];
  for (const [query, prefix] of table) assertEquals(singularPrefix(query), prefix, query);
});

Deno.test("locationText: short names where possible", () => {
  assertEquals(locationText([]), "$");
  assertEquals(locationText(["files", 3, "a b", "it's", ""]), `$.files[3]["a b"]["it's"][""]`);
});
