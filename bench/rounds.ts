/** Rounds: every peer in turn, each run measured, and looked at afterwards. */

import { join } from "@std/path";
import { checkLanded, type Landed } from "./landed.ts";
import { cost } from "./measure.ts";
import type { Origin } from "./origin.ts";
import { type Command, FIGURES, FILES, type Job, MADE, type Peer } from "./peers.ts";
import type { PeerRuns, Run } from "./results.ts";

/** A peer that is ready to run. */
interface Entrant {
  readonly id: string;
  readonly peer: Peer;
  readonly job: Job;
  readonly command: Command;
  readonly runs: Run[];
}

/** What all runs of a case have in common. */
export interface Setting {
  /** Null where nothing is fetched. */
  readonly origin: Origin | null;
  /** The folder of the origin's files. */
  readonly served: string;
  /** Rounds that count. */
  readonly rounds: number;
  /** Told what is going on, for a person who waits. */
  readonly tell: (text: string) => void;
}

/** Measures peers in turns, and gives their runs in the order in which they were given. */
export async function measureRounds(
  jobs: ReadonlyMap<string, { readonly peer: Peer; readonly job: Job }>,
  setting: Setting,
): Promise<PeerRuns[]> {
  const entrants: Entrant[] = [];
  for (const [id, { peer, job }] of jobs) {
    await Deno.mkdir(job.folder, { recursive: true });
    entrants.push({ id, peer, job, command: await peer.prepare(job), runs: [] });
    await clear(job);
  }
  // Where files are to be there already, somebody has to bring them.
  const first = entrants.some(({ job }) => job.scenario.unchanged) ? -1 : 0;
  for (let round = first; round <= setting.rounds; round++) {
    for (const entrant of rotated(entrants, Math.max(0, round))) {
      const isCounted = round > 0;
      setting.tell(`${isCounted ? `round ${round}` : "warming up"}: ${entrant.peer.name}`);
      const run = await measure(entrant, setting);
      if (isCounted) entrant.runs.push(run);
    }
  }
  return entrants.map(({ id, peer, runs }) => ({ id, name: peer.name, runs }));
}

/** Begins with another one each time, so that nobody always goes first. */
export function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

/** Proxies have no business on loopback. */
const DIRECT = { NO_PROXY: "127.0.0.1,localhost", no_proxy: "127.0.0.1,localhost" };

async function measure(entrant: Entrant, { origin, served }: Setting): Promise<Run> {
  const { job, command } = entrant;
  await origin?.traffic();
  const taken = await cost(command.program, command.args, {
    cwd: job.folder,
    env: { ...command.env, ...DIRECT },
  });
  const traffic = await origin?.traffic() ?? null;
  const landed = landedOf(entrant, served);
  const stepsMs = await readSteps(job);
  if (!job.scenario.unchanged) await clear(job);
  return {
    ...taken,
    requests: traffic?.requests ?? null,
    sentBytes: traffic?.sentBytes ?? null,
    checkedFiles: landed.files,
    checkedBytes: landed.bytes,
    stepsMs,
  };
}

/** Compares what a peer has brought, if it was to bring anything. */
function landedOf({ peer, job }: Entrant, served: string): Landed {
  if (!peer.publishes || job.scenario.command !== "run") return { files: 0, bytes: 0 };
  try {
    return checkLanded(served, join(job.folder, FILES));
  } catch (error) {
    throw new Error(`${peer.name}: ${error instanceof Error ? error.message : error}`);
  }
}

async function readSteps({ scenario, folder }: Job): Promise<Record<string, number>> {
  if (scenario.command !== "state") return {};
  return JSON.parse(await Deno.readTextFile(join(folder, FIGURES)));
}

/** Makes the folder for what a run makes, empty. */
async function clear({ folder }: Job): Promise<void> {
  const made = join(folder, MADE);
  await Deno.remove(made, { recursive: true }).catch(() => {});
  await Deno.mkdir(made);
}
