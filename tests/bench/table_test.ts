import { assertEquals, assertStringIncludes } from "@std/assert";
import { rotated } from "../../bench/rounds.ts";
import { stableJson } from "../../bench/results.ts";
import { markdown, pairedRatios, spreadOf, tableOf } from "../../bench/table.ts";
import { peerOf, resultOf, runOf } from "./results.ts";

Deno.test("pairedRatios: compares runs of the same round", () => {
  // A slow round is slow for both: the ratio of the medians would be 3.
  const ours = peerOf("cronfetch", [300, 2000, 200]);
  const curl = peerOf("curl", [100, 1000, 50]);
  assertEquals(pairedRatios(ours, curl), [3, 2, 4]);
  assertEquals(spreadOf(pairedRatios(ours, curl)), { median: 3, least: 2, most: 4 });
  assertEquals(pairedRatios(ours, curl, ({ requests }) => requests ?? NaN), [1, 1, 1]);
});

Deno.test("tableOf: a row per peer", () => {
  const peers = [peerOf("cronfetch", [300, 2000, 200]), peerOf("curl", [100, 1000, 50])];
  assertEquals(
    tableOf(resultOf(peers)),
    `\
| by        | wall s, least | median | wall / curl      | processor s | peak MiB | requests | MiB sent |
| --------- | ------------- | ------ | ---------------- | ----------- | -------- | -------- | -------- |
| cronfetch | 0.200         | 0.300  | 3.00 (2.00–4.00) | 0.150       | 200      | 5        | 5        |
| curl      | 0.050         | 0.100  | 1.00             | 0.050       | 100      | 5        | 5        |

Every byte checked: 30 files, 30 MiB.`,
  );
});

Deno.test("tableOf: no ratio without the baseline", () => {
  const table = tableOf(resultOf([peerOf("cronfetch", [300])]));
  assertStringIncludes(table, "| cronfetch | 0.300         | 0.300  | –  ");
});

Deno.test("tableOf: names several cases, and compares with another checkout", () => {
  const cases = [1, 2].map((count) => ({
    name: `${count} tasks`,
    count,
    peers: [peerOf("cronfetch", [100 * count]), peerOf("before", [200])],
  }));
  const table = tableOf(resultOf([], { cases }));
  assertStringIncludes(table, "| 1 tasks | cronfetch |");
  assertStringIncludes(table, "1 tasks – now / before: wall 0.50, processor 0.50, peak 0.50");
  assertStringIncludes(table, "2 tasks – now / before: wall 1.00, processor 1.00, peak 1.00");
});

Deno.test("tableOf: startsFrom subtracts the time of an empty program", () => {
  const peers = [peerOf("cronfetch", [300, 400, 350]), peerOf("empty", [30, 40, 60])];
  const table = tableOf(resultOf(peers, { startsFrom: "empty" }));
  assertStringIncludes(table, "| ms more than empty | processor ms more than empty |");
  assertStringIncludes(table, "| 290                | 145                          |");
});

Deno.test("tableOf: processor time per 1,000 files, where there are as many", () => {
  const peers = [peerOf("cronfetch", [4000])];
  const table = tableOf(resultOf([], { cases: [{ name: "", count: 5000, peers }] }));
  assertStringIncludes(table, "| processor s | s per 1,000 |");
  assertStringIncludes(table, "| 2.00        | 0.400       |");
});

Deno.test("tableOf: no traffic columns without an origin, a column per step", () => {
  const nothing = { requests: null, sentBytes: null, checkedFiles: 0, checkedBytes: 0 };
  const run = runOf(100, { ...nothing, stepsMs: { read: 8, write: 70.4, open: 4 } });
  const table = tableOf(resultOf([{ id: "cronfetch", name: "cronfetch", runs: [run] }]));
  assertEquals(table.includes("requests"), false);
  assertEquals(table.includes("checked"), false);
  assertStringIncludes(table, "| ms to open | ms to write | ms to read |");
  assertStringIncludes(table, "| 4          | 70          | 8          |");
});

Deno.test("tableOf: differing numbers of requests are a range", () => {
  const runs = [runOf(1, { requests: 5 }), runOf(1, { requests: 7 })];
  const table = tableOf(resultOf([{ id: "cronfetch", name: "cronfetch", runs }]));
  assertStringIncludes(table, "| 5–7      |");
});

Deno.test("markdown: formats like deno fmt", () => {
  assertEquals(
    markdown(["a", "long"], [["1", "2"], ["12345", ""]]),
    `\
| a     | long |
| ----- | ---- |
| 1     | 2    |
| 12345 |      |`,
  );
});

Deno.test("stableJson: sorts keys and rounds numbers", () => {
  const text = `{\n  "a": {\n    "b": 1.3,\n    "c": 2\n  },\n  "z": [\n    "x"\n  ]\n}\n`;
  assertEquals(stableJson({ z: ["x"], a: { c: 2, b: 1.26 } }), text);
});

Deno.test("rotated: each round starts with another peer", () => {
  const items = ["a", "b", "c"];
  const rounds = [0, 1, 2, 3].map((round) => rotated(items, round).join(""));
  assertEquals(rounds, ["abc", "bca", "cab", "abc"]);
  assertEquals(rotated([], 2), []);
});
