/** The targets of the scenarios, and a table of them beside the measured values. */

import { median } from "./measure.ts";
import type { CaseResult, PeerRuns, Result } from "./results.ts";
import { FAR_CASES, type PeerId, type Scenario, SCENARIOS } from "./scenarios.ts";
import { markdown, paired, pairedRatios } from "./table.ts";

/** What is compared with a target. */
type Figure = "wall / curl" | "wall / best peer" | "processor ms over empty" | "peak MiB";

/** The limits of a figure. */
interface Target {
  readonly scenario: string;
  /** Name of the case; null for the only one. */
  readonly case: string | null;
  readonly figure: Figure;
  readonly most: number;
  /** What would be better still. */
  readonly stretch: number;
  /** The lower bound that was measured, and of what. */
  readonly floor: string;
}

const RATIO = { case: null, figure: "wall / curl" } as const;
const PEAK = { figure: "peak MiB", most: 250, stretch: 150, floor: "162, curl" } as const;
const BARE_CLIENT = "the HTTP client alone, with hash, write and rename";

/** All targets in display order. */
export const TARGETS: readonly Target[] = [
  { ...RATIO, scenario: "big", most: 1, stretch: 0.85, floor: "0.40, fetch, bytes dropped" },
  { ...RATIO, scenario: "small", most: 2.4, stretch: 2, floor: `1.8, ${BARE_CLIENT}` },
  { ...RATIO, scenario: "small20k", most: 1.8, stretch: 1.5, floor: `1.5, ${BARE_CLIENT}` },
  { ...RATIO, scenario: "unchanged", most: 1.5, stretch: 1.2, floor: "0.7, fetch" },
  { ...RATIO, scenario: "tls", most: 2.6, stretch: 2.2, floor: `1.9, ${BARE_CLIENT}` },
  { ...RATIO, scenario: "slow", most: 0.28, stretch: 0.22, floor: "0.22, aria2c" },
  {
    ...{ scenario: "cold", case: null, figure: "processor ms over empty" },
    ...{ most: 60, stretch: 40, floor: "15, Deno's sockets, KV and digests" },
  },
  { ...PEAK, scenario: "growth", case: "100,000 tasks" },
  { ...PEAK, scenario: "unchanged100k", case: null },
  ...["far", "far-tls"].flatMap((scenario) =>
    FAR_CASES.map(({ name }): Target => ({
      ...{ scenario, case: name, figure: "wall / best peer" },
      ...{ most: 1.03, stretch: 1, floor: "1.0, the latency" },
    }))
  ),
];

/** The scenarios that have targets, with the peers and cases that these need. */
export function targetScenarios(): Scenario[] {
  return SCENARIOS.flatMap((scenario) => {
    const targets = TARGETS.filter((target) => target.scenario === scenario.name);
    if (targets.length === 0) return [];
    const needed = targets.flatMap(({ figure }) => PEERS_OF[figure]);
    const names = targets.map((target) => target.case);
    return [{
      ...scenario,
      peers: scenario.peers.filter((id) => needed.includes(id)),
      cases: scenario.cases.filter(({ name }) => names.includes(name) || names.includes(null)),
    }];
  });
}

/** The peers that a figure needs. */
const PEERS_OF: Readonly<Record<Figure, readonly PeerId[]>> = {
  "wall / curl": ["curl"],
  "wall / best peer": ["curl", "wget2", "aria2c"],
  "processor ms over empty": ["empty"],
  "peak MiB": [],
};

/** The targets beside the measured values, with the results that exist. */
export function targetsTable(results: readonly Result[]): string {
  const rows = TARGETS.map((target) => {
    const { scenario, case: name, figure, most, stretch, floor } = target;
    const measured = measuredOf(target, results);
    return [
      `\`${scenario}\`${name === null ? "" : `, ${name}`}`,
      figure,
      `≤ ${most}`,
      `${stretch}`,
      measured === null ? "–" : measured.text,
      measured === null ? "–" : verdictOf(measured.value, target),
      floor,
    ];
  });
  return markdown(
    ["scenario", "figure", "target", "stretch", "measured", "result", "floor"],
    rows,
  );
}

function verdictOf(value: number, { most, stretch }: Target): string {
  if (value <= stretch) return "stretch";
  return value <= most ? "met" : "**missed**";
}

/** A value as it is compared, which is not more exact than its text. */
interface Measured {
  readonly value: number;
  readonly text: string;
}

function measuredOf(target: Target, results: readonly Result[]): Measured | null {
  const among = results.find(({ scenario }) => scenario === target.scenario)?.cases
    .find(({ name }) => target.case === null || name === target.case);
  const ours = among?.peers.find(({ id }) => id === "cronfetch");
  if (!among || !ours) return null;
  const peer = (id: string) => among.peers.find((other) => other.id === id) ?? null;
  switch (target.figure) {
    case "wall / curl":
      return ratioTo(ours, peer("curl"));
    case "wall / best peer": {
      const best = bestPeer(among);
      const measured = ratioTo(ours, best);
      return measured && { ...measured, text: `${measured.text}, ${best?.name}` };
    }
    case "processor ms over empty": {
      const empty = peer("empty");
      if (!empty) return null;
      const differences = paired(ours, empty, (run, other) => run.processorMs - other.processorMs);
      return rounded(median(differences), 0);
    }
    case "peak MiB":
      return rounded(Math.max(...ours.runs.map(({ peakMiB }) => peakMiB)), 0);
    default:
      return target.figure satisfies never;
  }
}

function ratioTo(ours: PeerRuns, other: PeerRuns | null): Measured | null {
  return other && rounded(median(pairedRatios(ours, other)), 2);
}

function rounded(value: number, digits: number): Measured {
  const text = value.toFixed(digits);
  return { value: Number(text), text };
}

/** The fastest other downloader. */
function bestPeer({ peers }: CaseResult): PeerRuns | null {
  const wallMs = ({ runs }: PeerRuns) => median(runs.map((run) => run.wallMs));
  const others = peers.filter(({ id }) =>
    PEERS_OF["wall / best peer"].some((other) => other === id)
  );
  return others.toSorted((one, other) => wallMs(one) - wallMs(other))[0] ?? null;
}
