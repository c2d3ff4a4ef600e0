/**
 * cronfetch beside other downloaders, in turns, against servers on loopback:
 *
 *     deno task bench [scenario…]
 *
 * See README.md for what is compared, and `deno task bench --size tiny` for a trial.
 */

import { emptyDir } from "@std/fs";
import { join } from "@std/path";
import { readWishes, USAGE, type Wishes } from "./arguments.ts";
import { writeContent } from "./content.ts";
import { type MemoryFolder, memoryFolder } from "./memory_folder.ts";
import { AUTHORITY, type Origin, startNginx, startSlow } from "./origin.ts";
import { report, writeReadme, writeResult } from "./pages.ts";
import { type Job, type Peer, PEERS } from "./peers.ts";
import { findPrograms, type Program, type ProgramName } from "./programs.ts";
import { type CaseResult, type Result, thisMachine } from "./results.ts";
import { measureRounds } from "./rounds.ts";
import { type Case, type PeerId, type Scenario, SLOW_BYTES_PER_SECOND } from "./scenarios.ts";

const INSTALL = "bench/setup installs it on Debian";

type Programs = ReadonlyMap<ProgramName, Program>;

/** What all scenarios share. */
interface Bench {
  readonly wishes: Wishes;
  readonly programs: Programs;
  /** In memory, for all that comes and goes. */
  readonly folder: MemoryFolder;
  readonly origins: Readonly<Record<Scenario["origin"], Origin | null>>;
}

/** Measures what is asked for. Gives the exit code. */
async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    say(USAGE);
    return 0;
  }
  const wishes = wishesOf(args);
  if (wishes === null) return 2;
  const programs = await findPrograms();
  const missing = missingOf(wishes, programs);
  for (const name of missing) tell(`${name} is missing: ${INSTALL}`);
  if (missing.some((name) => isRequired(name, wishes))) return 2;
  if (wishes.against !== null) await setUp(wishes.against);

  await using stack = new AsyncDisposableStack();
  disposeOnSignal(stack);
  const folder = stack.use(await memoryFolder());
  const nginx = stack.use(await startNginx(folder.file(SERVED)));
  const slow = stack.use(await startSlow(folder.file(SERVED), SLOW_BYTES_PER_SECOND));
  const origins = { plain: nginx.plain, tls: nginx.tls, slow, none: null };
  for (const scenario of wishes.scenarios) {
    const result = await measure(scenario, { wishes, programs, folder, origins });
    say(`${report(result)}\n`);
    if (wishes.writes) await writeResult(result);
  }
  if (wishes.writes) await writeReadme();
  return 0;
}

/** The folder in {@linkcode Bench.folder} that the origins serve. */
const SERVED = "served";

/** Leaves no gibibytes in memory behind when a person has enough of it. */
function disposeOnSignal(stack: AsyncDisposable): void {
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    Deno.addSignalListener(signal, async () => {
      await stack[Symbol.asyncDispose]();
      Deno.exit(code);
    });
  }
}

function wishesOf(args: readonly string[]): Wishes | null {
  try {
    return readWishes(args);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    tell(`${error.message}\n\n${USAGE}`);
    return null;
  }
}

/** The programs that would be needed and are not there. */
function missingOf(wishes: Wishes, programs: Programs): ProgramName[] {
  const asked = wishes.scenarios.flatMap((scenario) => idsOf(scenario, wishes))
    .map((id) => PEERS[id].needs).filter((name) => name !== null);
  return [...new Set<ProgramName>(["nginx", "time", ...asked])].filter((name) =>
    !programs.has(name)
  );
}

/** Whether nothing can be done without a program. */
function isRequired(name: ProgramName, { isTiny }: Wishes): boolean {
  return name === "nginx" || name === "time" || (name === "curl" && !isTiny);
}

/** Who takes part in a scenario, in the order in which they are shown. */
function idsOf({ peers, beside }: Scenario, wishes: Wishes): PeerId[] {
  const { peers: wished, against } = wishes;
  const isHeld = (id: PeerId) => id === "curl" || id === beside;
  // Whoever the others are held against is there even if nobody asked, but for a trial.
  const takesPart = (id: PeerId) =>
    wished === null || wished.has(id) || (isHeld(id) && wished.size > 0);
  const before: PeerId[] = against === null ? [] : ["before"];
  return ["cronfetch", ...before, ...peers.filter(takesPart)];
}

/** Makes another checkout able to run. */
async function setUp(checkout: string): Promise<void> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "setup"],
    cwd: checkout,
    stdout: "null",
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`${checkout}: deno task setup ended with ${code}`);
}

async function measure(scenario: Scenario, bench: Bench): Promise<Result> {
  const { wishes, programs } = bench;
  const cases: CaseResult[] = [];
  for (const one of wishes.isTiny ? scenario.tiny : scenario.cases) {
    cases.push(await measureCase(scenario, one, bench));
  }
  const { name, title, beside, startsFrom, chart } = scenario;
  return {
    scenario: name,
    title: wishes.isTiny ? `${name}, very small` : title,
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
  const { wishes, programs, folder } = bench;
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
    authority: scenario.origin === "tls" ? AUTHORITY : null,
    programs,
    against: wishes.against,
  };
  const jobs = new Map<string, { peer: Peer; job: Job }>();
  for (const id of idsOf(scenario, wishes)) {
    const peer = PEERS[id];
    if (peer.needs !== null && !programs.has(peer.needs)) continue;
    jobs.set(id, { peer, job: { ...common, folder: join(peersFolder, id) } });
  }
  const title = [scenario.name, one.name].filter((word) => word !== "").join(", ");
  const peers = await measureRounds(jobs, {
    origin,
    served,
    rounds: wishes.rounds,
    tell: (text) => tell(`${title}: ${text}`),
  });
  for (const made of [served, peersFolder]) await emptyDir(made);
  return { name: one.name, count: one.count, peers };
}

/** The origin of URLs that nobody asks. */
const NOWHERE = "http://127.0.0.1:9";

function versionsOf(programs: Programs): Record<string, string> {
  const others = [...programs].filter(([name]) => name !== "time")
    .map(([name, { version }]) => [name, version]);
  return { Deno: Deno.version.deno, ...Object.fromEntries(others) };
}

/** Says something to whoever waits. */
function tell(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

Deno.exitCode = await main(Deno.args);
