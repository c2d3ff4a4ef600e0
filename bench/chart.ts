/** Charts of results as SVG: small, one font, readable on any background. */

import { median } from "./measure.ts";
import type { Result } from "./results.ts";

const WIDTH = 720;
const BAR_HEIGHT = 18;
const ROW_HEIGHT = 26;
const NAMES_WIDTH = 170;
const VALUES_WIDTH = 80;
const TOP = 36;
const COLOURS = { ours: "#0b7285", theirs: "#adb5bd", ink: "#212529", rule: "#dee2e6" };
/** Colours of lines, cronfetch first. */
const LINES = ["#0b7285", "#868e96", "#e8590c", "#5f3dc4"];

/** A bar and the text at its end. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly text: string;
  /** Whether it is the bar of cronfetch. */
  readonly isOurs: boolean;
}

/** A line through points. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** The chart of a scenario, or null if it has none. */
export function chartOf(result: Result): string | null {
  const isMeasured = result.cases.some(({ peers }) => peers.length > 0);
  if (!isMeasured || result.chart === "none") return null;
  const title = result.title.replaceAll("`", "");
  if (result.chart === "bars") return barChart(`${title}: seconds`, barsOf(result));
  const wall = linesOf(result, ({ wallMs }) => wallMs / 1000);
  const peak = linesOf(result, ({ peakMiB }) => peakMiB);
  return lineCharts(title, [
    { title: "seconds", lines: wall },
    { title: "peak MiB", lines: peak },
  ]);
}

type Runs = Result["cases"][number]["peers"][number]["runs"];

function barsOf({ cases }: Result): Bar[] {
  return cases.flatMap(({ peers }) => peers).map(({ id, name, runs }) => {
    const value = median(runs.map(({ wallMs }) => wallMs)) / 1000;
    return { name, value, text: `${value.toPrecision(3)} s`, isOurs: id === "cronfetch" };
  });
}

function linesOf({ cases }: Result, figure: (run: Runs[number]) => number): Line[] {
  const ids = [...new Set(cases.flatMap(({ peers }) => peers.map(({ id }) => id)))];
  return ids.map((id) => {
    const found = cases.flatMap(({ count, peers }) =>
      peers.filter((peer) => peer.id === id).map((peer) => ({ count, peer }))
    );
    const points = found.map(({ count, peer }) => [count, median(peer.runs.map(figure))] as const);
    return { name: found[0]?.peer.name ?? id, points };
  });
}

/** Horizontal bars, starting at zero. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const room = WIDTH - NAMES_WIDTH - VALUES_WIDTH;
  const rows = bars.map(({ name, value, text, isOurs }, index) => {
    const y = TOP + index * ROW_HEIGHT;
    const width = Math.max(1, value / most * room);
    const middle = y + BAR_HEIGHT - 5;
    const colour = isOurs ? COLOURS.ours : COLOURS.theirs;
    return [
      words(NAMES_WIDTH - 8, middle, name, "end"),
      `<rect x="${NAMES_WIDTH}" y="${y}" width="${at(width)}" height="${BAR_HEIGHT}" ` +
      `fill="${colour}"/>`,
      words(NAMES_WIDTH + width + 6, middle, text),
    ].join("\n");
  });
  return svg(title, TOP + bars.length * ROW_HEIGHT + 8, rows);
}

/** The chart of one figure. */
interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

const PANEL = { width: WIDTH / 2, height: 260, left: 56, right: 24, top: 64, bottom: 40 };

/** Panels side by side. Both axes are logarithmic. */
export function lineCharts(title: string, panels: readonly Panel[]): string {
  const legend = (panels[0]?.lines ?? []).map(({ name }, index) =>
    words(PANEL.left + index * 150, 44, name, "start", LINES[index])
  );
  const drawn = panels.flatMap((panel, index) => drawPanel(panel, index * PANEL.width));
  return svg(title, PANEL.height, [...legend, ...drawn]);
}

function drawPanel({ title, lines }: Panel, left: number): string[] {
  const points = lines.flatMap((line) => line.points);
  const x = scale(points.map(([value]) => value), [
    left + PANEL.left,
    left + PANEL.width - PANEL.right,
  ]);
  const y = scale(points.map(([, value]) => value), [PANEL.height - PANEL.bottom, PANEL.top + 16]);
  const bottom = PANEL.height - PANEL.bottom;
  return [
    words(left + PANEL.left, PANEL.top, `${title} by tasks, both logarithmic`),
    `<path d="M${left + PANEL.left} ${PANEL.top + 8}V${bottom}H${
      left + PANEL.width - PANEL.right
    }" ` + `fill="none" stroke="${COLOURS.rule}"/>`,
    ...[...new Set(points.map(([value]) => value))].map((value) =>
      words(x(value), bottom + 18, value.toLocaleString("en"), "middle")
    ),
    ...lines.flatMap((line, index) => drawLine(line, index, x, y)),
  ];
}

function drawLine(
  { points }: Line,
  index: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string[] {
  const places = points.map(([a, b]) => ({ x: x(a), y: y(b), value: b }));
  const colour = LINES[index] ?? COLOURS.ink;
  // Lines are often close, so labels are above one line and below the next.
  const away = index % 2 === 0 ? -7 : 16;
  const path = places.map((place) => `${at(place.x)},${at(place.y)}`).join(" ");
  return [
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...places.flatMap((place) => [
      `<circle cx="${at(place.x)}" cy="${at(place.y)}" r="3" fill="${colour}"/>`,
      words(place.x, place.y + away, `${Number(place.value.toPrecision(3))}`, "middle", colour),
    ]),
  ];
}

/** A logarithmic scale from values to positions. */
function scale(
  values: readonly number[],
  [from, to]: readonly [number, number],
): (value: number) => number {
  const [least, most] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  if (least === most) return () => (from + to) / 2;
  return (value) => from + (Math.log(value) - least) / (most - least) * (to - from);
}

function svg(title: string, height: number, inside: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${WIDTH} ${height}" ` +
    `width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">\n` +
    `<title>${escaped(title)}</title>\n` +
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>\n` +
    `${words(12, 22, title)}\n${inside.join("\n")}\n</svg>\n`;
}

function words(
  x: number,
  y: number,
  text: string,
  anchor: "start" | "middle" | "end" = "start",
  colour: string = COLOURS.ink,
): string {
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" fill="${colour}">` +
    `${escaped(text)}</text>`;
}

function at(place: number): string {
  return String(Math.round(place * 10) / 10);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
