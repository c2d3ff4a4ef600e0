/** The measured downloaders and their command lines. */

import { fromFileUrl, join } from "@std/path";
import type { Case, PeerId, Scenario } from "./scenarios.ts";
import type { InstalledProgram, ProgramName } from "./programs.ts";

/** The parts of a checkout that can be measured: its `main.ts`, or the bundle in its `dist/`. */
export const PROGRAMS = ["sources", "dist"] as const;
export type Program = typeof PROGRAMS[number];

/** The task of a peer in a case. */
export interface Job {
  readonly scenario: Scenario;
  readonly case: Case;
  readonly urls: readonly string[];
  /** The peer's working directory. It writes to {@linkcode MADE}. */
  readonly folder: string;
  /** File of a certificate to trust, or null. */
  readonly authority: string | null;
  readonly programs: ReadonlyMap<ProgramName, InstalledProgram>;
  /** What is measured of each checkout. */
  readonly program: Program;
  /** The checkout measured as `before`, or null. */
  readonly against: string | null;
}

/** A command line. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A measured downloader. */
export interface Peer {
  /** Display name. */
  readonly name: string;
  /** The program that it requires. */
  readonly needs: ProgramName | null;
  /** Whether it writes files to {@linkcode FILES}. */
  readonly publishes: boolean;
  /** Writes its lists and configs before the measurement. */
  readonly prepare: (job: Job) => Promise<Command>;
}

/** Folder in a job's folder for everything that a run writes; emptied between runs. */
export const MADE = "made";
/** Folder in a job's folder for downloaded files. */
export const FILES = `${MADE}/files`;
/** File with the durations measured by `state_records.ts`. */
export const FIGURES = `${MADE}/figures.json`;

const HERE = fromFileUrl(new URL(".", import.meta.url));
/** The root of this checkout. */
export const ROOT: string = fromFileUrl(new URL("..", import.meta.url));

/** All peers. */
export const PEERS: Readonly<Record<PeerId, Peer>> = {
  cronfetch: {
    name: "cronfetch",
    needs: null,
    publishes: true,
    prepare: (job) => cronfetch(ROOT, job),
  },
  before: {
    name: "cronfetch before",
    needs: null,
    publishes: true,
    prepare: (job) => cronfetch(job.against ?? ROOT, job),
  },
  curl: { name: "curl", needs: "curl", publishes: true, prepare: curl },
  "curl-sha256sum": {
    name: "curl, then sha256sum",
    needs: "curl",
    publishes: true,
    prepare: async (job) => {
      const { program, args } = await curl(job);
      const script = `"$@" && sha256sum ${FILES}/* > ${MADE}/sums`;
      return { program: "sh", args: ["-c", script, "sh", program, ...args] };
    },
  },
  wget2: { name: "wget2", needs: "wget2", publishes: true, prepare: wget2 },
  aria2c: { name: "aria2c", needs: "aria2c", publishes: true, prepare: aria2c },
  aiohttp: { name: "aiohttp + aiofiles", needs: "aiohttp", publishes: true, prepare: aiohttp },
  fetch: { name: "fetch, bytes dropped", needs: null, publishes: false, prepare: bareFetch },
  empty: {
    name: "an empty Deno program",
    needs: null,
    publishes: false,
    prepare: () => Promise.resolve(deno([join(HERE, "peers/empty.ts")])),
  },
};

/** Deno with all permissions, so that permission checks are not measured. */
function deno(args: readonly string[], job?: Job): Command {
  const env: Record<string, string> = job?.authority ? { DENO_CERT: job.authority } : {};
  return { program: Deno.execPath(), args: ["run", "--quiet", "-A", ...args], env };
}

async function cronfetch(root: string, job: Job): Promise<Command> {
  if (job.scenario.command === "state") return stateRecords(root, job);
  const { atOnce, segments } = job.scenario;
  const canSegment = segments > 1 && await hasOption(root, "segments");
  const config = join(job.folder, "cronfetch.json");
  const settings = {
    store: FILES,
    state: `kv:${MADE}/state.db`,
    limits: { perHost: atOnce },
    ...(canSegment ? { defaults: { segments } } : {}),
  };
  await Deno.writeTextFile(config, JSON.stringify({ ...settings, tasks: job.urls }));
  // As in the crontab lines of the docs.
  const program = job.program === "dist"
    ? [join(root, "dist", "main.js")]
    : [`--lock=${join(job.folder, "deno.lock")}`, join(root, "main.ts")];
  if (job.scenario.command === "plan") return deno([...program, "plan", "-c", config], job);
  return deno([...program, "run", "-q", "-c", config], job);
}

/** Whether a checkout supports an option; older ones reject unknown options. */
async function hasOption(root: string, option: string): Promise<boolean> {
  const schema = await Deno.readTextFile(join(root, "cronfetch.schema.json"));
  return schema.includes(`"${option}"`);
}

function stateRecords(root: string, { case: { name, count }, folder }: Job): Command {
  const state = `${name}${join(folder, MADE, "state")}`;
  const program = join(HERE, "state_records.ts");
  return deno([
    "--config",
    join(root, "deno.json"),
    program,
    root,
    state,
    `${count}`,
    join(folder, FIGURES),
  ]);
}

async function curl({ scenario, urls, folder, authority }: Job): Promise<Command> {
  const trust = authority === null ? [] : [`cacert = "${authority}"`];
  const entries = urls.map((url) => {
    const etag = `${MADE}/${nameOf(url)}.etag`;
    const condition = scenario.unchanged
      ? [`etag-compare = "${etag}"`, `etag-save = "${etag}"`]
      : [];
    const lines = [`url = "${url}"`, `output = "${FILES}/${nameOf(url)}"`, "silent", "fail"];
    return [...lines, "create-dirs", ...trust, ...condition, ""].join("\n");
  });
  await Deno.writeTextFile(join(folder, "curl.txt"), entries.join("next\n"));
  const most = String(scenario.atOnce);
  const args = ["--disable", "--parallel", "--parallel-max", most, "-K", "curl.txt"];
  // Otherwise curl waits for the first response to check for multiplexing.
  if (scenario.origin === "slow") args.push("--parallel-immediate");
  return { program: "curl", args };
}

async function wget2({ scenario, urls, folder, authority }: Job): Promise<Command> {
  await writeList(folder, urls);
  const args = ["-q", "--config=/dev/null", "--no-hsts", "--no-ocsp", "--ocsp-stapling=off"];
  args.push(`--max-threads=${scenario.atOnce}`, "-i", LIST, "-P", FILES);
  if (scenario.unchanged) args.push("-N");
  // With HTTP/2 it has up to 30 requests on each of its 32 connections, and a small window.
  if (scenario.origin === "far-tls") args.push("--no-http2");
  if (authority !== null) args.push(`--ca-certificate=${authority}`);
  // No ranges: with --chunk-size wget2 1.99 may hang.
  return { program: "wget2", args };
}

async function aria2c({ scenario, urls, folder, authority }: Job): Promise<Command> {
  await writeList(folder, urls);
  const { atOnce, segments } = scenario;
  const args = ["-q", "--no-conf", "--file-allocation=none", "--allow-overwrite=true"];
  args.push("--auto-file-renaming=false", "-i", LIST, "-d", FILES, "-j", `${atOnce}`);
  args.push("-s", `${segments}`, "-x", `${segments}`, "-k", "1M");
  if (scenario.unchanged) args.push("--conditional-get=true", "--remote-time=true");
  if (authority !== null) args.push(`--ca-certificate=${authority}`);
  return { program: "aria2c", args };
}

async function aiohttp({ scenario, urls, folder, authority, programs }: Job): Promise<Command> {
  await writeList(folder, urls);
  const args = [join(HERE, "peers/aiohttp_downloader.py"), LIST, FILES];
  args.push("--at-once", `${scenario.atOnce}`);
  if (scenario.unchanged) args.push("--etags", `${MADE}/etags.json`);
  if (authority !== null) args.push("--authority", authority);
  return { program: programs.get("aiohttp")?.path ?? "python3", args };
}

async function bareFetch(job: Job): Promise<Command> {
  await writeList(job.folder, job.urls);
  const reader = job.case.sizeBytes > LARGE_BYTES ? "byob" : "default";
  const args = [join(HERE, "peers/bare_fetch.ts"), LIST, `${job.scenario.atOnce}`, reader];
  if (job.scenario.unchanged) args.push(`${MADE}/etags.json`);
  return deno(args, job);
}

/** Above this size reading fetch bodies into a reused buffer is faster. */
const LARGE_BYTES = 2 ** 20;

const LIST = "urls.txt";

async function writeList(folder: string, urls: readonly string[]): Promise<void> {
  await Deno.writeTextFile(join(folder, LIST), urls.join("\n") + "\n");
}

function nameOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}
