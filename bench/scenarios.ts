/** What is measured. */

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

/** Files or records of one size. A scenario has one such, or several to show how it grows. */
export interface Case {
  /** For people; empty where the scenario has just one. */
  readonly name: string;
  /** Files, tasks or records. */
  readonly count: number;
  /** Of each file. */
  readonly sizeBytes: number;
}

/** One thing to measure. */
export interface Scenario {
  /** On the command line, and of its files. */
  readonly name: string;
  /** What it is, for people. */
  readonly title: string;
  /** What cronfetch does: `cronfetch run`, `cronfetch plan`, or its state alone. */
  readonly command: "run" | "plan" | "state";
  /** Who sends the files, if anybody does. */
  readonly origin: "plain" | "tls" | "slow" | "none";
  /** The files are there already, and have not changed. */
  readonly unchanged: boolean;
  /** Requests for a host that may be under way at once. */
  readonly atOnce: number;
  /** Into how many ranges a large file is cut, by those who can; 1 is none. */
  readonly segments: number;
  /** Who takes part, cronfetch and an older checkout of it aside. */
  readonly peers: readonly PeerId[];
  /** Whom the others are held against; null if nobody. */
  readonly beside: PeerId | null;
  /** Also say how much longer than this one each takes, in ms. */
  readonly startsFrom: PeerId | null;
  /** What the picture shows. */
  readonly chart: "bars" | "lines" | "none";
  readonly cases: readonly Case[];
  /** The same, of a size for trying out. */
  readonly tiny: readonly Case[];
}

/** Bytes a second that the slow origin gives each connection. */
export const SLOW_BYTES_PER_SECOND = 10_000_000;

const KIB = 1024;
const GIB = 2 ** 30;

/** What most scenarios have in common. */
const PLAIN = {
  command: "run",
  origin: "plain",
  unchanged: false,
  atOnce: 32,
  segments: 1,
  peers: ["curl", "wget2", "aria2c", "aiohttp", "fetch"],
  beside: "curl",
  startsFrom: null,
  chart: "bars",
} as const;

/** A case without a name. */
function only(count: number, sizeBytes: number): readonly Case[] {
  return [{ name: "", count, sizeBytes }];
}

/** All of them, in the order in which they are shown. */
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
    title: "5,000 files of 16 KiB over HTTPS, with HTTP/2 for those who speak it",
    origin: "tls",
    cases: only(5000, 16 * KIB),
    tiny: only(20, 16 * KIB),
  },
  {
    ...PLAIN,
    name: "slow",
    title: "Ten files of 20 MB from a server that gives each connection 10 MB/s",
    origin: "slow",
    atOnce: 80,
    segments: 8,
    peers: ["curl", "wget2", "aria2c", "aiohttp"],
    cases: only(10, 20_000_000),
    tiny: only(2, 4_000_000),
  },
  {
    ...PLAIN,
    name: "growth",
    title: "More and more tasks, of 1 KiB each",
    peers: ["curl"],
    chart: "lines",
    cases: [1000, 10_000, 100_000].map((count) => tasks(count, KIB)),
    tiny: [10, 100].map((count) => tasks(count, KIB)),
  },
  {
    ...PLAIN,
    name: "cold",
    title: "One small file, from the start of the process to its end",
    peers: ["empty", "curl", "aiohttp"],
    startsFrom: "empty",
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
