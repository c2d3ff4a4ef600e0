/** What was measured, as it stands in `results/`. Tables and pictures are made of it. */

import type { Cost } from "./measure.ts";

/** One run of one peer. */
export interface Run extends Cost {
  /** Requests that the origin saw; null without an origin. */
  readonly requests: number | null;
  /** Bytes of bodies that the origin sent; null without an origin. */
  readonly sentBytes: number | null;
  /** Files that were compared with the origin's afterwards. */
  readonly checkedFiles: number;
  /** Their size together. */
  readonly checkedBytes: number;
  /** How long parts of the work took, in ms, where the program tells. */
  readonly stepsMs: Readonly<Record<string, number>>;
}

/** What a peer took. */
export interface PeerRuns {
  /** As `--peers` says it. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** One a round; those of one round belong together. */
  readonly runs: readonly Run[];
}

/** What a case came to. */
export interface CaseResult {
  /** For people; empty where there is just one. */
  readonly name: string;
  /** Files, tasks or records. */
  readonly count: number;
  readonly peers: readonly PeerRuns[];
}

/** What a scenario came to. */
export interface Result {
  readonly scenario: string;
  readonly title: string;
  /** Id of the peer that the others are held against, or null. */
  readonly beside: string | null;
  /** Id of the peer whose time is taken off, or null. */
  readonly startsFrom: string | null;
  readonly chart: "bars" | "lines" | "none";
  /** YYYY-MM-DD, in UTC. */
  readonly date: string;
  readonly machine: Machine;
  /** By program. */
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: readonly CaseResult[];
}

/** Where it was measured. */
export interface Machine {
  readonly system: string;
  readonly cores: number;
  readonly memoryGiB: number;
}

/** This machine. */
export function thisMachine(): Machine {
  return {
    system: Deno.build.os,
    cores: navigator.hardwareConcurrency,
    memoryGiB: Math.round(Deno.systemMemoryInfo().total / 2 ** 30),
  };
}

/** JSON whose keys are sorted, and whose numbers have no more digits than mean anything. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, sorted, 2) + "\n";
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value === "number") return Math.round(value * 10) / 10;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1));
}
