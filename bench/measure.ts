/** What the benchmarks share: what a program costs, and how a table is printed. */

/** What a program took. */
export interface Cost {
  readonly wallMs: number;
  /** User and system. */
  readonly processorMs: number;
  readonly peakMiB: number;
}

/** No program that is measured takes this long. One that does hangs. */
const LIMIT_SECONDS = 900;

/**
 * Runs a program to its end.
 *
 * @throws {Error} If it fails, or hangs.
 */
export async function cost(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Cost> {
  const startedMs = performance.now();
  const { code, stderr } = await new Deno.Command("timeout", {
    args: [`${LIMIT_SECONDS}`, "/usr/bin/time", "-f", "%U %S %M", program, ...args],
    cwd,
    env: { ...env },
    stdout: "null",
  }).output();
  const wallMs = performance.now() - startedMs;
  const said = new TextDecoder().decode(stderr).trim().split("\n");
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${said.slice(-5).join("\n")}`);
  const [user = NaN, system = NaN, peakKib = NaN] = (said.at(-1) ?? "").split(" ").map(Number);
  return { wallMs, processorMs: (user + system) * 1000, peakMiB: peakKib / 1024 };
}

/** The middle one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Runs in pairs, as cells of a table: the ratio of the wall times, and what both took. */
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

/** Says a row of a table to a person. */
export function say(...cells: readonly string[]): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`| ${cells.join(" | ")} |\n`));
}
