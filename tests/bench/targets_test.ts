import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Result } from "../../bench/results.ts";
import { SCENARIOS } from "../../bench/scenarios.ts";
import { TARGETS, targetsTable } from "../../bench/targets.ts";
import { peerOf, resultOf, runOf } from "./results.ts";

/** The row of a scenario, without padding. */
function rowOf(result: Result, start: string): string {
  const row = targetsTable([result]).split("\n").find((line) => line.startsWith(`| ${start}`));
  return (row ?? "").replaceAll(/ +/g, " ");
}

Deno.test("TARGETS: each has a scenario and a case", () => {
  for (const { scenario, case: name } of TARGETS) {
    const cases = SCENARIOS.find((one) => one.name === scenario)?.cases ?? [];
    assertEquals(cases.filter((one) => name === null || one.name === name).length, 1, scenario);
  }
});

Deno.test("targetsTable: compares the median of paired ratios", () => {
  const curl = peerOf("curl", [100, 1000, 100]);
  const table = (wallMs: number[]) =>
    rowOf(resultOf([peerOf("cronfetch", wallMs), curl]), "`small`");
  assertStringIncludes(table([250, 2410, 100]), "| wall / curl | ≤ 2.4 | 2 | 2.41 | **missed** |");
  assertStringIncludes(table([240, 2404, 100]), "| 2.40 | met |");
  assertStringIncludes(table([200, 1900, 300]), "| 2.00 | stretch |");
  assertStringIncludes(rowOf(resultOf([curl]), "`small`"), "| 2 | – | – |");
});

Deno.test("targetsTable: the best peer, processor time and memory", () => {
  const peers = [
    peerOf("cronfetch", [103]),
    peerOf("curl", [120]),
    peerOf("wget2", [100]),
    peerOf("empty", [15]),
    peerOf("fetch", [10]),
  ];
  const far = resultOf([], { scenario: "far", cases: [{ name: "50 × 5 MiB", count: 50, peers }] });
  assertStringIncludes(rowOf(far, "`far`, 50"), "| 1.03, wget2 | met |");
  assertEquals(rowOf(far, "`far`, 2,000").includes("| – | – |"), true);
  // Half of the wall time is processor time.
  assertStringIncludes(rowOf(resultOf(peers, { scenario: "cold" }), "`cold`"), "| 44 | met |");
  const runs = [runOf(1, { peakMiB: 100 }), runOf(1, { peakMiB: 250.6 })];
  const unchanged = resultOf([{ id: "cronfetch", name: "", runs }], { scenario: "unchanged100k" });
  assertStringIncludes(rowOf(unchanged, "`unchanged100k`"), "| 251 | **missed** |");
});
