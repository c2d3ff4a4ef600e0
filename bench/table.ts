/** Markdown tables of results, for a terminal and the README. */

import { median } from "./measure.ts";
import type { CaseResult, PeerRuns, Result, Run } from "./results.ts";

/** Median and range of values. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Median and range of some values; NaN and infinities of none. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/**
 * Ratios of two peers by round: load on the machine slows both runs of a round.
 *
 * @param figure The compared figure; more is worse.
 */
export function pairedRatios(
  peer: PeerRuns,
  other: PeerRuns,
  figure: (run: Run) => number = ({ wallMs }) => wallMs,
): number[] {
  return paired(peer, other, (run, beside) => figure(run) / figure(beside));
}

/** Compares two peers by round. */
export function paired(
  peer: PeerRuns,
  other: PeerRuns,
  compare: (run: Run, beside: Run) => number,
): number[] {
  return peer.runs.flatMap((run, round) => {
    const beside = other.runs[round];
    return beside === undefined ? [] : [compare(run, beside)];
  });
}

/** A column: its head, and its cell for a peer of a case. */
interface Column {
  readonly head: string;
  readonly cell: (peer: PeerRuns, among: CaseResult) => string;
}

/** The table of a scenario, with further lines below it. */
export function tableOf(result: Result): string {
  const columns = columnsOf(result);
  const rows = result.cases.flatMap((among) =>
    among.peers.map((peer) => columns.map(({ cell }) => cell(peer, among)))
  );
  const lines = [...beforeLines(result), checkedLine(result)].filter((line) => line !== "");
  return [markdown(columns.map(({ head }) => head), rows), ...lines].join("\n\n");
}

function columnsOf({ cases, beside, startsFrom }: Result): Column[] {
  const columns: Column[] = [];
  if (cases.some(({ name }) => name !== "")) {
    columns.push({ head: "of", cell: (_, { name }) => name });
  }
  columns.push(
    { head: "by", cell: ({ name }) => name },
    { head: "wall s, least", cell: ({ runs }) => seconds(spreadOf(runs.map(wall)).least) },
    { head: "median", cell: ({ runs }) => seconds(spreadOf(runs.map(wall)).median) },
  );
  if (beside !== null) columns.push(ratioColumn(beside, cases));
  if (startsFrom !== null) columns.push(...startColumns(startsFrom, cases));
  columns.push({ head: "processor s", cell: ({ runs }) => seconds(median(runs.map(processor))) });
  if (cases.some(({ count }) => count >= 1000)) columns.push(PER_THOUSAND);
  columns.push(
    { head: "peak MiB", cell: ({ runs }) => whole(spreadOf(runs.map(peak)).most) },
  );
  return [...columns, ...trafficColumns(cases), ...stepColumns(cases)];
}

const wall = ({ wallMs }: Run): number => wallMs;
const processor = ({ processorMs }: Run): number => processorMs;
const peak = ({ peakMiB }: Run): number => peakMiB;

/** The median of the ratios, which is not the ratio of the medians. */
function ratioColumn(beside: string, cases: readonly CaseResult[]): Column {
  return {
    head: `wall / ${nameOf(beside, cases)}`,
    cell(peer, { peers }) {
      const other = peers.find(({ id }) => id === beside);
      if (other === undefined) return "–";
      return other === peer ? "1.00" : ratio(spreadOf(pairedRatios(peer, other)));
    },
  };
}

/** Steadier than wall time on a shared machine, and comparable between scenarios. */
const PER_THOUSAND: Column = {
  head: "s per 1,000",
  cell: ({ runs }, { count }) => seconds(median(runs.map(processor)) * 1000 / count),
};

function startColumns(startsFrom: string, cases: readonly CaseResult[]): Column[] {
  const column = (head: string, figure: (run: Run) => number): Column => ({
    head: `${head} more than ${nameOf(startsFrom, cases)}`,
    cell(peer, { peers }) {
      const other = peers.find(({ id }) => id === startsFrom);
      if (other === undefined || other === peer) return "–";
      return whole(median(paired(peer, other, (run, start) => figure(run) - figure(start))));
    },
  });
  return [column("ms", wall), column("processor ms", processor)];
}

function trafficColumns(cases: readonly CaseResult[]): Column[] {
  const runs = cases.flatMap(({ peers }) => peers).flatMap((peer) => peer.runs);
  if (runs.every(({ requests }) => requests === null)) return [];
  return [
    { head: "requests", cell: ({ runs }) => span(runs.map(({ requests }) => requests), 1) },
    { head: "MiB sent", cell: ({ runs }) => span(runs.map((run) => run.sentBytes), 2 ** 20) },
  ];
}

/** The steps of `state_records.ts` in their order. */
const STEPS = ["open", "write", "read"];

function stepColumns(cases: readonly CaseResult[]): Column[] {
  const taken = cases.flatMap(({ peers }) => peers).flatMap((peer) => peer.runs)
    .flatMap(({ stepsMs }) => Object.keys(stepsMs));
  return STEPS.filter((step) => taken.includes(step)).map((step) => ({
    head: `ms to ${step}`,
    cell: ({ runs }) => whole(median(runs.map(({ stepsMs }) => stepsMs[step] ?? NaN))),
  }));
}

/** Ratios of cronfetch to the other checkout, if one was measured. */
function beforeLines({ cases }: Result): string[] {
  return cases.flatMap(({ name, peers }) => {
    const now = peers.find(({ id }) => id === "cronfetch");
    const before = peers.find(({ id }) => id === "before");
    if (now === undefined || before === undefined) return [];
    const figures = ([["wall", wall], ["processor", processor], ["peak", peak]] as const)
      .map(([word, figure]) => `${word} ${ratio(spreadOf(pairedRatios(now, before, figure)))}`);
    return `${name === "" ? "" : `${name} – `}now / before: ${figures.join(", ")}`;
  });
}

function checkedLine({ cases }: Result): string {
  const runs = cases.flatMap(({ peers }) => peers).flatMap((peer) => peer.runs);
  const sum = (figure: (run: Run) => number) => runs.reduce((total, run) => total + figure(run), 0);
  const files = sum(({ checkedFiles }) => checkedFiles);
  if (files === 0) return "";
  const mib = sum(({ checkedBytes }) => checkedBytes) / 2 ** 20;
  const noun = files === 1 ? "file" : "files";
  return `Every byte checked: ${grouped(files)} ${noun}, ${grouped(mib, 1)} MiB.`;
}

function nameOf(id: string, cases: readonly CaseResult[]): string {
  return cases.flatMap(({ peers }) => peers).find((peer) => peer.id === id)?.name ?? id;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 1000 ? 3 : 2);
}

function whole(value: number): string {
  return grouped(Math.round(value));
}

function ratio({ median, least, most }: Spread): string {
  const digits = (value: number) => value.toFixed(2);
  if (least === most) return digits(median);
  return `${digits(median)} (${digits(least)}–${digits(most)})`;
}

/** A value that is usually the same in each round, else its range. */
function span(values: readonly (number | null)[], unit: number): string {
  const known = values.filter((value) => value !== null).map((value) => value / unit);
  if (known.length === 0) return "–";
  const ends = [Math.min(...known), Math.max(...known)].map((value) => grouped(value, 1));
  return [...new Set(ends)].join("–");
}

/** A number with thousands separators and at most `digits` decimals. */
function grouped(value: number, digits = 0): string {
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** A Markdown table, formatted like `deno fmt` does. */
export function markdown(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) =>
    Math.max(3, head.length, ...rows.map((row) => row[column]?.length ?? 0))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(heads), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join(
    "\n",
  );
}
