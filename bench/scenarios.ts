/** The scenarios of the benchmarks. */

/** A downloader to measure, as named by `--peers`. */
export type PeerId =
  | "cronfetch"
  | "before"
  | "curl"
  | "curl-sha256sum"
  | "wget2"
  | "aria2c"
  | "aiohttp"
  | "fetch"
  | "empty";

/** A number of files or records of one size. Several cases in a scenario show growth. */
export interface Case {
  /** Display name; empty for a single case. */
  readonly name: string;
  /** Files, tasks or records. */
  readonly count: number;
  /** Size of each file. */
  readonly sizeBytes: number;
}

/** A measured scenario. */
export interface Scenario {
  /** Name on the command line and of its files. */
  readonly name: string;
  /** Display name. */
  readonly title: string;
  /** The measured command, or only the state. */
  readonly command: "run" | "plan" | "state";
  /** The origin server. */
  readonly origin: "plain" | "tls" | "slow" | "far" | "far-tls" | "none";
  /** Whether the files are already downloaded and unchanged. */
  readonly unchanged: boolean;
  /** Concurrent requests to the host. */
  readonly atOnce: number;
  /** Ranges per large file, for peers that support them; 1 is none. */
  readonly segments: number;
  /** Peers besides cronfetch. */
  readonly peers: readonly PeerId[];
  /** The baseline, or null. */
  readonly beside: PeerId | null;
  /** The peer whose time is subtracted in a further column, or null. */
  readonly startsFrom: PeerId | null;
  /** Factor of `--rounds`: short runs vary more, and more of them take no longer. */
  readonly roundsFactor: number;
  /** Type of the chart. */
  readonly chart: "bars" | "lines" | "none";
  readonly cases: readonly Case[];
  /** Cases of `--size tiny`. */
  readonly tiny: readonly Case[];
}

/** Bytes per second and connection of the slow origin. */
export const SLOW_BYTES_PER_SECOND = 10_000_000;

/** Round trip of the distant origins. */
export const FAR_ROUND_TRIP_MS = 30;

const KIB = 1024;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Defaults of most scenarios. */
const PLAIN = {
  command: "run",
  origin: "plain",
  unchanged: false,
  atOnce: 32,
  segments: 1,
  peers: ["curl", "wget2", "aria2c", "aiohttp", "fetch"],
  beside: "curl",
  startsFrom: null,
  roundsFactor: 1,
  chart: "bars",
} as const;

/** A single case. */
function only(count: number, sizeBytes: number): readonly Case[] {
  return [{ name: "", count, sizeBytes }];
}

/** The files of a distant origin. */
export const FAR_CASES: readonly Case[] = [
  { name: "2,000 × 16 KiB", count: 2000, sizeBytes: 16 * KIB },
  { name: "50 × 5 MiB", count: 50, sizeBytes: 5 * MIB },
];

/** Defaults of a distant origin. */
const FAR = {
  ...PLAIN,
  peers: ["curl", "wget2", "aria2c"],
  chart: "none",
  cases: FAR_CASES,
  tiny: [{ name: "4 × 16 KiB", count: 4, sizeBytes: 16 * KIB }],
} as const;

/** All scenarios in display order. */
export const SCENARIOS: readonly Scenario[] = [
  {
    ...PLAIN,
    name: "big",
    title: "One file of 1 GiB",
    peers: ["curl", "curl-sha256sum", "wget2", "aria2c", "aiohttp", "fetch"],
    cases: only(1, GIB),
    tiny: only(1, 5_000_001),
  },
  {
    ...PLAIN,
    name: "small",
    title: "5,000 files of 16 KiB, 32 at a time",
    cases: only(5000, 16 * KIB),
    tiny: only(20, 16 * KIB),
  },
  {
    ...PLAIN,
    name: "small20k",
    title: "20,000 files of 16 KiB, 32 at a time",
    cases: only(20_000, 16 * KIB),
    tiny: only(40, 16 * KIB),
  },
  {
    ...PLAIN,
    name: "unchanged",
    title: "5,000 files that have not changed, 32 at a time",
    unchanged: true,
    cases: only(5000, 16 * KIB),
    tiny: only(20, 16 * KIB),
  },
  {
    ...PLAIN,
    name: "tls",
    title: "5,000 files of 16 KiB over HTTPS, with HTTP/2 where supported",
    origin: "tls",
    cases: only(5000, 16 * KIB),
    tiny: only(20, 16 * KIB),
  },
  {
    ...PLAIN,
    name: "slow",
    title: "Ten files of 20 MB from a server that limits each connection to 10 MB/s",
    origin: "slow",
    atOnce: 80,
    segments: 8,
    peers: ["curl", "wget2", "aria2c", "aiohttp"],
    cases: only(10, 20_000_000),
    tiny: only(2, 4_000_000),
  },
  {
    ...FAR,
    name: "far",
    title: `A server with a round trip of ${FAR_ROUND_TRIP_MS} ms, 32 files at a time`,
    origin: "far",
  },
  {
    ...FAR,
    name: "far-tls",
    title: "The same over HTTPS",
    origin: "far-tls",
  },
  {
    ...PLAIN,
    name: "growth",
    title: "Growing numbers of tasks, of 1 KiB each",
    peers: ["curl"],
    chart: "lines",
    cases: [1000, 10_000, 100_000].map((count) => tasks(count, KIB)),
    tiny: [10, 100].map((count) => tasks(count, KIB)),
  },
  {
    ...PLAIN,
    name: "unchanged100k",
    title: "100,000 files of 1 KiB that have not changed",
    unchanged: true,
    peers: ["curl"],
    chart: "none",
    cases: only(100_000, KIB),
    tiny: only(20, KIB),
  },
  {
    ...PLAIN,
    name: "cold",
    title: "One small file, from the start of the process to its end",
    peers: ["empty", "curl", "aiohttp"],
    startsFrom: "empty",
    roundsFactor: 5,
    cases: only(1, KIB),
    tiny: only(1, KIB),
  },
  {
    ...PLAIN,
    name: "plan",
    title: "`cronfetch plan` of 100,000 tasks",
    command: "plan",
    origin: "none",
    peers: ["empty"],
    beside: "empty",
    startsFrom: "empty",
    cases: only(100_000, 0),
    tiny: only(100, 0),
  },
  {
    ...PLAIN,
    name: "state",
    title: "20,000 records of the state, written and read",
    command: "state",
    origin: "none",
    peers: [],
    beside: null,
    chart: "none",
    cases: ["kv:", "file:"].map((name) => ({ name, count: 20_000, sizeBytes: 0 })),
    tiny: ["kv:", "file:"].map((name) => ({ name, count: 50, sizeBytes: 0 })),
  },
];

/** A case of {@linkcode Scenario.chart} `lines`. */
function tasks(count: number, sizeBytes: number): Case {
  return { name: `${count.toLocaleString("en")} tasks`, count, sizeBytes };
}
