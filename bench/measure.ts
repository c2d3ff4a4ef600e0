/** Measures programs and prints table rows. */

/** Resources that a program used. */
export interface Cost {
  readonly wallMs: number;
  /** User and system time. */
  readonly processorMs: number;
  readonly peakMiB: number;
}

/** Timeout of a program; far above any measured time. */
const LIMIT_SECONDS = 900;

/** GNU time measures the peak; bash measures times in milliseconds, not in hundredths of a second. */
const TIMED = `TIMEFORMAT="%3U %3S"; time /usr/bin/time -f %M "$@"`;

/**
 * Runs a program.
 *
 * @throws {Error} If it fails or times out.
 */
export async function cost(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Cost> {
  const startedMs = performance.now();
  const { code, stderr } = await new Deno.Command("timeout", {
    args: [`${LIMIT_SECONDS}`, "bash", "-c", TIMED, "bash", program, ...args],
    cwd,
    env: { ...env },
    stdout: "null",
  }).output();
  const wallMs = performance.now() - startedMs;
  const output = new TextDecoder().decode(stderr).trim().split("\n");
  if (code !== 0) throw new Error(`${program}: exit code ${code}: ${output.slice(-5).join("\n")}`);
  const [peakKib = NaN, user = NaN, system = NaN] = output.slice(-2).join(" ").split(" ")
    .map(Number);
  return { wallMs, processorMs: (user + system) * 1000, peakMiB: peakKib / 1024 };
}

/** The median; NaN of no values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Table cells of paired runs: ratio and range of wall times, processor time, peak memory. */
export function compared(
  pairs: readonly { readonly theirs: Cost; readonly ours: Cost }[],
): string[] {
  const ratios = pairs.map(({ theirs, ours }) => ours.wallMs / theirs.wallMs);
  const seconds = (costs: Cost[]) =>
    (median(costs.map(({ processorMs }) => processorMs)) / 1000).toFixed(2);
  const peak = (costs: Cost[]) => Math.round(Math.max(...costs.map(({ peakMiB }) => peakMiB)));
  const ours = pairs.map((pair) => pair.ours);
  const theirs = pairs.map((pair) => pair.theirs);
  return [
    median(ratios).toFixed(2),
    `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`,
    `${seconds(ours)} / ${seconds(theirs)}`,
    `${peak(ours)} / ${peak(theirs)}`,
  ];
}

/** Prints a row of a Markdown table. */
export function printRow(...cells: readonly string[]): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`| ${cells.join(" | ")} |\n`));
}
