/** Who is measured, and how each is called. */

import { fromFileUrl, join } from "@std/path";
import type { Case, PeerId, Scenario } from "./scenarios.ts";
import type { Program, ProgramName } from "./programs.ts";

/** What a peer is to do. */
export interface Job {
  readonly scenario: Scenario;
  readonly case: Case;
  readonly urls: readonly string[];
  /** The peer's own, and the one it runs in. For what it writes there is {@linkcode MADE}. */
  readonly folder: string;
  /** A certificate to trust, or null. */
  readonly authority: string | null;
  readonly programs: ReadonlyMap<ProgramName, Program>;
  /** The older checkout that is measured as `before`, or null. */
  readonly against: string | null;
}

/** A call of a program. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** One who takes part. */
export interface Peer {
  /** For people. */
  readonly name: string;
  /** What it cannot do without. */
  readonly needs: ProgramName | null;
  /** Whether it leaves the files in {@linkcode FILES}. */
  readonly publishes: boolean;
  /** Writes its lists and configs, which are not part of what is measured. */
  readonly prepare: (job: Job) => Promise<Command>;
}

/** Folder in a job's folder for all that a run makes; it is emptied where files are to be new. */
export const MADE = "made";
/** Folder in a job's folder that the files are brought to. */
export const FILES = `${MADE}/files`;
/** Where `state_records.ts` says how long its steps took. */
export const FIGURES = `${MADE}/figures.json`;

const HERE = fromFileUrl(new URL(".", import.meta.url));
const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** Everyone. */
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

/** With every permission, as the time that checking them takes is not to be measured. */
function deno(args: readonly string[], job?: Job): Command {
  const env: Record<string, string> = job?.authority ? { DENO_CERT: job.authority } : {};
  return { program: Deno.execPath(), args: ["run", "--quiet", "-A", ...args], env };
}

async function cronfetch(root: string, job: Job): Promise<Command> {
  if (job.scenario.command === "state") return stateRecords(root, job);
  const { atOnce, segments } = job.scenario;
  const canSegment = segments > 1 && await knows(root, "segments");
  const config = join(job.folder, "cronfetch.json");
  const settings = {
    store: FILES,
    state: `kv:${MADE}/state.db`,
    limits: { perHost: atOnce },
    ...(canSegment ? { defaults: { segments } } : {}),
  };
  await Deno.writeTextFile(config, JSON.stringify({ ...settings, tasks: job.urls }));
  // As the line for crontab in the docs has it.
  const program = [`--lock=${join(job.folder, "deno.lock")}`, join(root, "main.ts")];
  if (job.scenario.command === "plan") return deno([...program, "plan", "-c", config], job);
  return deno([...program, "run", "-q", "-c", config], job);
}

/** Whether a checkout has an option: an older one refuses what it does not know. */
async function knows(root: string, option: string): Promise<boolean> {
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
  // Otherwise all wait for the first file, to learn whether one connection would do for them.
  if (scenario.origin === "slow") args.push("--parallel-immediate");
  return { program: "curl", args };
}

async function wget2({ scenario, urls, folder, authority }: Job): Promise<Command> {
  await writeList(folder, urls);
  const args = ["-q", "--config=/dev/null", "--no-hsts", "--no-ocsp", "--ocsp-stapling=off"];
  args.push(`--max-threads=${scenario.atOnce}`, "-i", LIST, "-P", FILES);
  if (scenario.unchanged) args.push("-N");
  if (authority !== null) args.push(`--ca-certificate=${authority}`);
  // Not in pieces where the others are: with --chunk-size wget2 1.99 may not come to an end.
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

/** From here on fetch's bytes are best read into a buffer of one's own. */
const LARGE_BYTES = 2 ** 20;

const LIST = "urls.txt";

async function writeList(folder: string, urls: readonly string[]): Promise<void> {
  await Deno.writeTextFile(join(folder, LIST), urls.join("\n") + "\n");
}

function nameOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}
