/** Sample results for tests of tables and charts. */

import type { PeerRuns, Result, Run } from "../../bench/results.ts";

/** A run of `wallMs`, half of it processor time. */
export function runOf(wallMs: number, more: Partial<Run> = {}): Run {
  return {
    wallMs,
    processorMs: wallMs / 2,
    peakMiB: wallMs / 10,
    requests: 5,
    sentBytes: 5 * 2 ** 20,
    checkedFiles: 5,
    checkedBytes: 5 * 2 ** 20,
    stepsMs: {},
    ...more,
  };
}

/** A peer with these wall times. */
export function peerOf(id: string, wallMs: readonly number[]): PeerRuns {
  return { id, name: id, runs: wallMs.map((ms) => runOf(ms)) };
}

/** The result of a scenario with these peers. */
export function resultOf(peers: readonly PeerRuns[], more: Partial<Result> = {}): Result {
  return {
    scenario: "small",
    title: "Small files",
    beside: "curl",
    startsFrom: null,
    chart: "bars",
    date: "2026-01-15",
    machine: { system: "linux", cores: 2, memoryGiB: 8 },
    versions: { Deno: "2.9.6", curl: "8.0.0" },
    cases: [{ name: "", count: 5, peers }],
    ...more,
  };
}
