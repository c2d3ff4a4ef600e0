/** Results as stored in `results/`, the source of tables and charts. */

import type { Cost } from "./measure.ts";

/** One run of one peer. */
export interface Run extends Cost {
  /** Requests that the origin received; null without an origin. */
  readonly requests: number | null;
  /** Body bytes that the origin sent; null without an origin. */
  readonly sentBytes: number | null;
  /** Number of files compared with the origin's. */
  readonly checkedFiles: number;
  /** Total size of these files. */
  readonly checkedBytes: number;
  /** Durations of steps in ms, if the program measures them. */
  readonly stepsMs: Readonly<Record<string, number>>;
}

/** The runs of a peer. */
export interface PeerRuns {
  /** As in `--peers`. */
  readonly id: string;
  /** Display name. */
  readonly name: string;
  /** One per round, in the order of rounds. */
  readonly runs: readonly Run[];
}

/** The result of a case. */
export interface CaseResult {
  /** Display name; empty for a single case. */
  readonly name: string;
  /** Files, tasks or records. */
  readonly count: number;
  readonly peers: readonly PeerRuns[];
}

/** The result of a scenario. */
export interface Result {
  readonly scenario: string;
  readonly title: string;
  /** Id of the baseline peer, or null. */
  readonly beside: string | null;
  /** Id of the peer whose time is subtracted, or null. */
  readonly startsFrom: string | null;
  readonly chart: "bars" | "lines" | "none";
  /** YYYY-MM-DD, in UTC. */
  readonly date: string;
  readonly machine: Machine;
  /** Versions by program. */
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: readonly CaseResult[];
}

/** The machine of a measurement. */
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

/** JSON with sorted keys and numbers rounded to one digit. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, sorted, 2) + "\n";
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value === "number") return Math.round(value * 10) / 10;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1));
}
