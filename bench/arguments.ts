/** The command line of the benchmarks. */

import { parseArgs } from "node:util";
import { resolve } from "@std/path";
import { PEERS, type Program, PROGRAMS } from "./peers.ts";
import { type PeerId, type Scenario, SCENARIOS } from "./scenarios.ts";
import { targetScenarios } from "./targets.ts";

/** Parsed options. */
export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  /** Measured rounds, after one warm-up round. */
  readonly rounds: number;
  /** What of a checkout is measured. */
  readonly program: Program;
  /** Whether the targets are printed, and with `writes` written, instead of the results. */
  readonly showsTargets: boolean;
  /** Folder of another checkout, or null. */
  readonly against: string | null;
  /** Peers besides cronfetch and curl; null for all. */
  readonly peers: ReadonlySet<PeerId> | null;
  readonly isTiny: boolean;
  /** Whether to write the README, and `results/` unless targets are shown. */
  readonly writes: boolean;
}

const ROUNDS = 5;
const TARGET_ROUNDS = 3;

/** The help text. */
export const USAGE = `Usage: deno task bench [scenario…] [options]

Scenarios (default: all):
${SCENARIOS.map(({ name, title }) => `  ${name.padEnd(16)}${title}`).join("\n")}

Options:
  --rounds N      measured rounds, after one warm-up round (default: 5); for cold
                  five times as many
  --against DIR   another checkout of cronfetch, measured as "before"
  --peers A,B     only these, besides cronfetch and curl:
                  ${Object.keys(PEERS).join(", ")}
  --program dist  measure the bundle, which is built first, instead of main.ts
  --targets       the targets beside measured values: of the bundle, with no peers
                  but those of the targets, in ${TARGET_ROUNDS} rounds; ten minutes
  --size tiny     a trial: very small, one round, only cronfetch without --peers
  --write         write results/ and the README; with --targets only their table
`;

/**
 * Parses the command line.
 *
 * @throws {TypeError} If it is invalid.
 */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      against: { type: "string" },
      peers: { type: "string" },
      program: { type: "string" },
      targets: { type: "boolean", default: false },
      size: { type: "string", default: "full" },
      write: { type: "boolean", default: false },
    },
  });
  const isTiny = oneOf("--size", values.size, ["full", "tiny"]) === "tiny";
  if (isTiny && values.write) {
    throw new TypeError("--write: results of --size tiny are meaningless");
  }
  const all = values.targets ? targetScenarios() : SCENARIOS;
  const names = all.map(({ name }) => name);
  const named = positionals.map((name) => oneOf("scenario", name, names));
  const against = values.against === undefined ? null : resolve(values.against);
  return {
    scenarios: all.filter(({ name }) => named.length === 0 || named.includes(name)),
    rounds: readRounds(values.rounds) ?? (isTiny ? 1 : values.targets ? TARGET_ROUNDS : ROUNDS),
    program: readProgram(values.program) ?? (values.targets ? "dist" : "sources"),
    showsTargets: values.targets,
    against,
    peers: readPeers(values.peers, against) ?? (isTiny ? new Set<PeerId>() : null),
    isTiny,
    writes: values.write,
  };
}

function readRounds(text: string | undefined): number | null {
  if (text === undefined) return null;
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds > 0) return rounds;
  throw new TypeError(`--rounds: ${text} is not a whole number from 1 on`);
}

function readProgram(text: string | undefined): Program | null {
  return text === undefined ? null : oneOf("--program", text, PROGRAMS) as Program;
}

function readPeers(text: string | undefined, against: string | null): Set<PeerId> | null {
  if (text === undefined) return null;
  const ids = text.split(",").map((id) => oneOf("--peers", id, Object.keys(PEERS)) as PeerId);
  if (ids.includes("before") && against === null) {
    throw new TypeError("--peers: before needs --against DIR");
  }
  return new Set(ids);
}

function oneOf(what: string, value: string, allowed: readonly string[]): string {
  if (allowed.includes(value)) return value;
  throw new TypeError(`${what}: ${value} is not one of ${allowed.join(", ")}`);
}
