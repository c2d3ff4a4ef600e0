import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { barChart, chartOf, lineCharts } from "../../bench/chart.ts";
import { peerOf, resultOf } from "./results.ts";

/** Widths of the bars of a chart. */
function widths(svg: string): number[] {
  return [...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)"/g)]
    .map(([, width]) => Number(width));
}

Deno.test("barChart: bars are proportional to their values", () => {
  const svg = barChart("Title <1>", [
    { name: "cronfetch", value: 1, text: "1 s", isOurs: true },
    { name: "curl & more", value: 2, text: "2 s", isOurs: false },
  ]);
  const [ours = NaN, theirs = NaN] = widths(svg);
  assertEquals(ours * 2, theirs);
  assertStringIncludes(svg, "<title>Title &lt;1&gt;</title>");
  assertStringIncludes(svg, "curl &amp; more");
  assertMatch(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" role="img" .*<\/svg>\n$/s);
});

Deno.test("chartOf: bars show medians", () => {
  const svg = chartOf(resultOf([peerOf("cronfetch", [100, 900, 200]), peerOf("curl", [400])]));
  const [ours = NaN, curl = NaN] = widths(svg ?? "");
  assertEquals(ours * 2, curl);
  assertStringIncludes(svg ?? "", "0.200 s");
});

Deno.test("lineCharts: lines connect their points on logarithmic scales", () => {
  const svg = lineCharts("Title", [{
    title: "seconds",
    lines: [{ name: "cronfetch", points: [[1, 1], [10, 10], [100, 100]] }],
  }]);
  const points =
    /points="([^"]+)"/.exec(svg)?.[1]?.split(" ").map((pair) => pair.split(",").map(Number)) ?? [];
  const [[x0 = 0, y0 = 0] = [], [x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = []] = points;
  assertEquals(Math.round(x1 - x0), Math.round(x2 - x1));
  assertEquals(Math.round(y0 - y1), Math.round(y1 - y2));
  assertEquals(x1 > x0 && y1 < y0, true);
});

Deno.test("chartOf: a line per peer, for time and for memory", () => {
  const cases = [1, 10].map((count) => ({
    name: `${count} tasks`,
    count,
    peers: [peerOf("cronfetch", [100 * count]), peerOf("curl", [10 * count])],
  }));
  const svg = chartOf(resultOf([], { cases, chart: "lines" })) ?? "";
  assertEquals(svg.match(/<polyline/g)?.length, 4);
});

Deno.test("chartOf: null for scenarios without a chart", () => {
  assertEquals(chartOf(resultOf([peerOf("cronfetch", [1])], { chart: "none" })), null);
  assertEquals(chartOf(resultOf([])), null);
});
