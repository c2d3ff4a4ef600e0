/** Rounds: measures every peer once per round and verifies its files. */

import { join } from "@std/path";
import { type VerifiedFiles, verifyDownloads } from "./verify_downloads.ts";
import { cost } from "./measure.ts";
import type { Origin } from "./origin.ts";
import { type Command, FIGURES, FILES, type Job, MADE, type Peer } from "./peers.ts";
import type { PeerRuns, Run } from "./results.ts";

/** A peer that is ready to run. */
interface Contestant {
  readonly id: string;
  readonly peer: Peer;
  readonly job: Job;
  readonly command: Command;
  readonly runs: Run[];
}

/** Options of all runs of a case. */
export interface RoundOptions {
  /** Null if the case makes no requests. */
  readonly origin: Origin | null;
  /** The folder of the origin's files. */
  readonly served: string;
  /** Measured rounds. */
  readonly rounds: number;
  /** Logs progress. */
  readonly log: (text: string) => void;
}

/** Measures peers alternately; returns their runs in the given order. */
export async function measureRounds(
  jobs: ReadonlyMap<string, { readonly peer: Peer; readonly job: Job }>,
  options: RoundOptions,
): Promise<PeerRuns[]> {
  const contestants: Contestant[] = [];
  for (const [id, { peer, job }] of jobs) {
    await Deno.mkdir(job.folder, { recursive: true });
    contestants.push({ id, peer, job, command: await peer.prepare(job), runs: [] });
    await clear(job);
  }
  // A scenario with unchanged files needs one more round, which downloads them.
  const first = contestants.some(({ job }) => job.scenario.unchanged) ? -1 : 0;
  for (let round = first; round <= options.rounds; round++) {
    for (const contestant of rotated(contestants, Math.max(0, round))) {
      const isCounted = round > 0;
      options.log(`${isCounted ? `round ${round}` : "warming up"}: ${contestant.peer.name}`);
      const run = await measure(contestant, options);
      if (isCounted) contestant.runs.push(run);
    }
  }
  return contestants.map(({ id, peer, runs }) => ({ id, name: peer.name, runs }));
}

/** Rotates a list, so that each round starts with another peer. */
export function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

/** Disables proxies for loopback. */
const DIRECT = { NO_PROXY: "127.0.0.1,localhost", no_proxy: "127.0.0.1,localhost" };

async function measure(contestant: Contestant, { origin, served }: RoundOptions): Promise<Run> {
  const { job, command } = contestant;
  await origin?.traffic();
  const used = await cost(command.program, command.args, {
    cwd: job.folder,
    env: { ...command.env, ...DIRECT },
  });
  const traffic = await origin?.traffic() ?? null;
  const verified = verifyFiles(contestant, served);
  const stepsMs = await readSteps(job);
  if (!job.scenario.unchanged) await clear(job);
  return {
    ...used,
    requests: traffic?.requests ?? null,
    sentBytes: traffic?.sentBytes ?? null,
    checkedFiles: verified.files,
    checkedBytes: verified.bytes,
    stepsMs,
  };
}

/** Verifies the files of a peer that writes any. */
function verifyFiles({ peer, job }: Contestant, served: string): VerifiedFiles {
  if (!peer.publishes || job.scenario.command !== "run") return { files: 0, bytes: 0 };
  try {
    return verifyDownloads(served, join(job.folder, FILES));
  } catch (error) {
    throw new Error(`${peer.name}: ${error instanceof Error ? error.message : error}`);
  }
}

async function readSteps({ scenario, folder }: Job): Promise<Record<string, number>> {
  if (scenario.command !== "state") return {};
  return JSON.parse(await Deno.readTextFile(join(folder, FIGURES)));
}

/** Creates or empties the output folder of a job. */
async function clear({ folder }: Job): Promise<void> {
  const made = join(folder, MADE);
  await Deno.remove(made, { recursive: true }).catch(() => {});
  await Deno.mkdir(made);
}
