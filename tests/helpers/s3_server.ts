/** Real S3 servers: processes on free ports with temporary data. */

import { delay } from "@std/async";
import { exists } from "@std/fs";
import { join } from "@std/path";
import { temporaryFolder } from "./folder.ts";
import { createBucket } from "./s3_objects.ts";

/**
 * The supported servers. versitygw verifies signatures and digests, and stores objects as files, so no
 * key can be a prefix folder of another. moto accepts any signature and digest, and reports 2010 as
 * the start of every pending upload.
 */
export type S3Kind = "versitygw" | "moto";

/** A running server. Disposing stops it and removes its data. */
export interface S3Server extends AsyncDisposable {
  readonly kind: S3Kind;
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly endpoint: string;
  /** Environment variables of clients: AWS_… */
  readonly env: Readonly<Record<string, string>>;
  /** Creates an empty bucket and returns its name. */
  makeBucket(): Promise<string>;
}

const ACCESS_KEY = "test-access-key";
const SECRET_KEY = "test-secret-key";

/** How a program is found and started. */
interface Program {
  /** The environment variable that may hold its path. */
  readonly variable: string;
  /** Its name on PATH, where the variable is not set. */
  readonly name: string;
  readonly args: (place: Place) => readonly string[];
  readonly env: (place: Place) => Readonly<Record<string, string>>;
}

/** Folders of a server. */
interface Place {
  readonly port: number;
  /** An empty folder for its data. */
  readonly data: string;
  /** A folder for what belongs beside the data, where the file system has no extended attributes. */
  readonly sidecar: string | null;
}

const PROGRAMS: Readonly<Record<S3Kind, Program>> = {
  versitygw: {
    variable: "VERSITYGW",
    name: "versitygw",
    args: ({ port, data, sidecar }) => [
      ...["--port", `127.0.0.1:${port}`, "--quiet", "--keep-alive", "posix"],
      ...(sidecar === null ? [] : ["--sidecar", sidecar]),
      data,
    ],
    env: () => ({ ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY }),
  },
  moto: {
    variable: "MOTO_SERVER",
    name: "moto_server",
    args: ({ port }) => ["-H", "127.0.0.1", "-p", `${port}`],
    // It keeps objects in memory, and large ones in temporary files.
    env: ({ data }) => ({ TMPDIR: data }),
  },
};

/** Path of the program of a server; null if it is missing. */
async function find({ variable, name }: Program): Promise<string | null> {
  const path = Deno.env.get(variable) ?? "";
  if (path !== "") return await exists(path) ? path : null;
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const candidate = join(folder, name);
    if (folder !== "" && await exists(candidate)) return candidate;
  }
  return null;
}

/** Why a server cannot be started here, or null if it can. */
export async function s3Missing(kind: S3Kind): Promise<string | null> {
  const { variable, name } = PROGRAMS[kind];
  if (await find(PROGRAMS[kind]) !== null) return null;
  const path = Deno.env.get(variable) ?? "";
  return path === "" ? `${name} is not installed` : `${variable}: there is no ${path}`;
}

/** Starts a server and waits until it responds. */
export async function startS3(kind: S3Kind): Promise<S3Server> {
  const path = await find(PROGRAMS[kind]);
  if (path === null) throw new Error(await s3Missing(kind) ?? `${kind} has just gone`);
  let withSidecar = false;
  for (let left = 4;; left--) {
    const started = await start(kind, path, withSidecar);
    if (typeof started !== "string") return started;
    // The port was taken, or the file system lacks a required feature.
    const curable = started.includes("ddress already in use") || started.includes("xattr");
    if (!curable || left === 0) throw new Error(`${kind} ended at once: ${started}`);
    withSidecar ||= started.includes("xattr");
  }
}

/** A running server, or the output of one that exited. */
async function start(
  kind: S3Kind,
  path: string,
  withSidecar: boolean,
): Promise<S3Server | string> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const sidecar = withSidecar ? folder.file("sidecar") : null;
  const place: Place = { port: freePort(), data: folder.file("data"), sidecar };
  await Deno.mkdir(place.data);
  if (sidecar !== null) await Deno.mkdir(sidecar);

  // Its output goes to a file, since a pending read would fail the sanitizer of each test.
  const log = folder.file("log");
  const child = new Deno.Command("sh", {
    args: ["-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", log, path].concat(
      PROGRAMS[kind].args(place),
    ),
    env: PROGRAMS[kind].env(place),
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  let ended = false;
  const end = child.status.then(() => void (ended = true));
  stack.defer(async () => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It has already exited.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
    await end;
  });

  const endpoint = `http://127.0.0.1:${place.port}`;
  for (let left = START_LIMIT_MS / POLL_MS; !(await answers(endpoint)); left--) {
    if (ended) return (await Deno.readTextFile(log)).trim();
    if (left <= 0) throw new Error(`${kind} does not answer: ${await Deno.readTextFile(log)}`);
    await delay(POLL_MS);
  }

  const env = {
    AWS_ACCESS_KEY_ID: ACCESS_KEY,
    AWS_SECRET_ACCESS_KEY: SECRET_KEY,
    AWS_REGION: "us-east-1",
    AWS_ENDPOINT_URL_S3: endpoint,
  };
  const owned = stack.move();
  let buckets = 0;
  return {
    kind,
    endpoint,
    env,
    async makeBucket() {
      const bucket = `bucket-${++buckets}`;
      await createBucket({ env }, bucket);
      return bucket;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const POLL_MS = 20;
const START_LIMIT_MS = 60_000;

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Whether the server responds, with any status. */
async function answers(endpoint: string): Promise<boolean> {
  try {
    await (await fetch(endpoint)).body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** A server for all tests of a file. */
export interface SharedS3 {
  /** Part of test names: its kind, and why it is unavailable. */
  readonly name: string;
  /** Whether its tests are skipped: it is missing, and this is not CI. */
  readonly ignore: boolean;
  /** The running server. Throws if it is missing; only tests may call this. */
  server(): S3Server;
}

const MISSING: Readonly<Record<S3Kind, string | null>> = {
  versitygw: await s3Missing("versitygw"),
  moto: await s3Missing("moto"),
};
const shared = new Map<S3Kind, SharedS3>();

/**
 * The server of all tests of a file: started before the first and stopped after the last, so that the
 * sanitizer of no test reports its process.
 */
export function sharedS3(kind: S3Kind): SharedS3 {
  const known = shared.get(kind);
  if (known !== undefined) return known;
  const missing = MISSING[kind];
  let running: S3Server | undefined;
  if (missing === null) {
    Deno.test.beforeAll(async () => {
      running = await startS3(kind);
    });
    Deno.test.afterAll(async () => {
      await running?.[Symbol.asyncDispose]();
    });
  }
  const one: SharedS3 = {
    name: missing === null ? kind : `${kind} (${missing})`,
    ignore: missing !== null && Deno.env.get("CI") === undefined,
    server() {
      if (running === undefined) throw new Error(missing ?? `${kind} runs only during tests`);
      return running;
    },
  };
  shared.set(kind, one);
  return one;
}

/**
 * A test with its own empty bucket on the shared server of the file. Without the server it is skipped,
 * or fails with `CI` set.
 */
export function s3Test(
  kind: S3Kind,
  name: string,
  body: (server: S3Server, bucket: string) => Promise<void>,
): void {
  const { name: prefix, ignore, server } = sharedS3(kind);
  Deno.test({ name: `${prefix}: ${name}`, ignore }, async () => {
    await body(server(), await server().makeBucket());
  });
}
