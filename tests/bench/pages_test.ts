import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { report, withResults } from "../../bench/pages.ts";
import { peerOf, resultOf } from "./results.ts";

const RESULT = resultOf([peerOf("cronfetch", [100]), peerOf("curl", [50])]);
const PAGE = "before\n\n<!-- results -->\n\nold\n\n<!-- /results -->\n\nafter\n";

Deno.test("withResults: replaces the results between the marks", () => {
  const page = withResults(PAGE, [RESULT]);
  assertEquals(page.startsWith("before\n\n<!-- results -->\n\n## Small files\n\n"), true);
  assertEquals(page.endsWith("(results/small.svg)\n\n<!-- /results -->\n\nafter\n"), true);
  assertEquals(page.includes("old"), false);
  assertEquals(withResults(page, [RESULT]), page);
});

Deno.test("withResults: shows date, machine and versions", () => {
  const conditions = "2026-01-15, linux with 2 cores and 8 GiB, 1 round; Deno 2.9.6, curl 8.0.0.";
  assertStringIncludes(withResults(PAGE, [RESULT]), conditions);
  assertStringIncludes(report(RESULT), conditions);
});

Deno.test("withResults: throws without marks", () => {
  assertThrows(() => withResults("text", []), Error, "<!-- results -->");
});

Deno.test("bench/README.md has the marks", async () => {
  const page = await Deno.readTextFile("bench/README.md");
  assertStringIncludes(withResults(page, [RESULT]), "## Small files");
});
