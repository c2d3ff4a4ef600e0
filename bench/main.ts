/**
 * Compares cronfetch with other downloaders, alternately, against servers on loopback:
 *
 *     deno task bench [scenario…]
 *
 * README.md describes the method; `deno task bench --size tiny` is a trial.
 */

import { emptyDir } from "@std/fs";
import { join } from "@std/path";
import { type BenchOptions, parseOptions, USAGE } from "./arguments.ts";
import { writeContent } from "./content.ts";
import { type MemoryFolder, memoryFolder } from "./memory_folder.ts";
import { AUTHORITY, type Origin, startFar, startNginx, startSlow } from "./origin.ts";
import { report, writeReadme, writeResult, writeTargets } from "./pages.ts";
import { type Job, type Peer, PEERS, ROOT } from "./peers.ts";
import { findPrograms, type InstalledProgram, type ProgramName } from "./programs.ts";
import { type CaseResult, type Result, thisMachine } from "./results.ts";
import { measureRounds } from "./rounds.ts";
import { type Case, type PeerId, type Scenario, SLOW_BYTES_PER_SECOND } from "./scenarios.ts";
import { disposeOnSignal } from "./signals.ts";
import { targetsTable } from "./targets.ts";

const INSTALL = "bench/setup installs it on Debian";

type Programs = ReadonlyMap<ProgramName, InstalledProgram>;

/** What all scenarios share. */
interface Bench {
  readonly options: BenchOptions;
  readonly programs: Programs;
  /** A folder in memory for temporary files. */
  readonly folder: MemoryFolder;
  readonly origins: Readonly<Record<Scenario["origin"], Origin | null>>;
}

/** Runs the benchmarks and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    print(USAGE);
    return 0;
  }
  const options = optionsOf(args);
  if (options === null) return 2;
  const programs = await findPrograms();
  const missing = missingOf(options, programs);
  for (const name of missing) log(`${name} is missing: ${INSTALL}`);
  if (missing.some((name) => isRequired(name, options))) return 2;
  for (const root of [ROOT, options.against]) {
    if (root !== null) await runTask(options.program === "dist" ? "build" : "setup", root);
  }

  await using stack = new AsyncDisposableStack();
  disposeOnSignal(stack);
  const folder = stack.use(await memoryFolder());
  const nginx = stack.use(await startNginx(folder.file(SERVED)));
  const slow = stack.use(await startSlow(folder.file(SERVED), SLOW_BYTES_PER_SECOND));
  const origins = {
    plain: nginx.plain,
    tls: nginx.tls,
    slow,
    far: stack.use(startFar(nginx.plain)),
    "far-tls": stack.use(startFar(nginx.tls)),
    none: null,
  };
  const results: Result[] = [];
  for (const scenario of options.scenarios) {
    const result = await measure(scenario, { options, programs, folder, origins });
    print(`${report(result)}\n`);
    results.push(result);
    if (options.writes && !options.showsTargets) await writeResult(result);
  }
  if (options.showsTargets) print(`${targetsTable(results)}\n`);
  if (options.writes) await (options.showsTargets ? writeTargets(results) : writeReadme());
  return 0;
}

/** The folder in {@linkcode Bench.folder} that the origins serve. */
const SERVED = "served";

function optionsOf(args: readonly string[]): BenchOptions | null {
  try {
    return parseOptions(args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    log(`${error.message}\n\n${USAGE}`);
    return null;
  }
}

/** The required programs that are missing. */
function missingOf(options: BenchOptions, programs: Programs): ProgramName[] {
  const needed = options.scenarios.flatMap((scenario) => idsOf(scenario, options))
    .map((id) => PEERS[id].needs).filter((name) => name !== null);
  return [...new Set<ProgramName>(["nginx", "time", ...needed])].filter((name) =>
    !programs.has(name)
  );
}

/** Whether a program is mandatory. */
function isRequired(name: ProgramName, { isTiny }: BenchOptions): boolean {
  return name === "nginx" || name === "time" || (name === "curl" && !isTiny);
}

/** The peers of a scenario in display order. */
function idsOf({ peers, beside }: Scenario, options: BenchOptions): PeerId[] {
  const { peers: selected, against } = options;
  const isBaseline = (id: PeerId) => id === "curl" || id === beside;
  // The baseline is always included, except in a trial.
  const isIncluded = (id: PeerId) =>
    selected === null || selected.has(id) || (isBaseline(id) && selected.size > 0);
  const before: PeerId[] = against === null ? [] : ["before"];
  return ["cronfetch", ...before, ...peers.filter(isIncluded)];
}

/** Runs a task of a checkout. */
async function runTask(name: string, checkout: string): Promise<void> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", name],
    cwd: checkout,
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`${checkout}: deno task ${name} ended with ${code}`);
}

async function measure(scenario: Scenario, bench: Bench): Promise<Result> {
  const { options, programs } = bench;
  const cases: CaseResult[] = [];
  for (const one of options.isTiny ? scenario.tiny : scenario.cases) {
    cases.push(await measureCase(scenario, one, bench));
  }
  const { name, title, beside, startsFrom, chart } = scenario;
  return {
    scenario: name,
    title: options.isTiny ? `${name}, very small` : title,
    beside,
    startsFrom,
    chart,
    date: Temporal.Now.plainDateISO("UTC").toString(),
    machine: thisMachine(),
    versions: versionsOf(programs),
    cases,
  };
}

async function measureCase(scenario: Scenario, one: Case, bench: Bench): Promise<CaseResult> {
  const { options, programs, folder } = bench;
  const origin = bench.origins[scenario.origin];
  const served = join(folder.file(SERVED), scenario.name);
  const peersFolder = folder.file("peers");
  const names = origin === null
    ? Array.from({ length: one.count }, (_, index) => `${index}.bin`)
    : writeContent(served, one.count, one.sizeBytes);
  const common = {
    scenario,
    case: one,
    urls: names.map((name) => `${origin?.url ?? NOWHERE}/${scenario.name}/${name}`),
    authority: origin?.url.startsWith("https:") ? AUTHORITY : null,
    programs,
    program: options.program,
    against: options.against,
  };
  const jobs = new Map<string, { peer: Peer; job: Job }>();
  for (const id of idsOf(scenario, options)) {
    const peer = PEERS[id];
    if (peer.needs !== null && !programs.has(peer.needs)) continue;
    jobs.set(id, { peer, job: { ...common, folder: join(peersFolder, id) } });
  }
  const title = [scenario.name, one.name].filter((word) => word !== "").join(", ");
  const peers = await measureRounds(jobs, {
    origin,
    served,
    rounds: options.rounds * (options.isTiny ? 1 : scenario.roundsFactor),
    log: (text) => log(`${title}: ${text}`),
  });
  for (const path of [served, peersFolder]) await emptyDir(path);
  return { name: one.name, count: one.count, peers };
}

/** The origin of URLs that are never requested. */
const NOWHERE = "http://127.0.0.1:9";

function versionsOf(programs: Programs): Record<string, string> {
  const others = [...programs].filter(([name]) => name !== "time")
    .map(([name, { version }]) => [name, version]);
  return { Deno: Deno.version.deno, ...Object.fromEntries(others) };
}

function log(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

Deno.exitCode = await main(Deno.args);
