/**
 * Compares cronfetch with rclone into a bucket of versitygw, alternately:
 *
 *     CRONFETCH=dist/main.js VERSITYGW=… RCLONE=… deno run -A bench/buckets.ts [rounds]
 *
 * Prints rows of a Markdown table. Every byte of the last round is verified.
 */

import { join, resolve } from "@std/path";
import { startNginx } from "../tests/heavy/nginx.ts";
import { getObject, keys } from "../tests/helpers/s3_objects.ts";
import { type S3Server, startS3 } from "../tests/helpers/s3_server.ts";
import { compared, type Cost, cost, printRow } from "./measure.ts";

/** The bundle, or else the sources. */
const MAIN = resolve(Deno.env.get("CRONFETCH") ?? new URL("../main.ts", import.meta.url).pathname);
const ROUNDS = Number(Deno.args[0] ?? 5);
const RCLONE = Deno.env.get("RCLONE") ?? "rclone";

/** The files to download into a bucket. */
interface Workload {
  readonly name: string;
  readonly files: number;
  readonly sizeBytes: number;
  /** Whether the second of two runs is measured, in which no file has changed. */
  readonly isUnchanged: boolean;
}

/** The origin, the bucket and a folder for lists and configs. */
interface Setup {
  readonly work: Workload;
  readonly origin: string;
  readonly server: S3Server;
  readonly bucket: string;
  /** In memory. */
  readonly folder: string;
}

/** A method of downloading files to `PREFIX/NUMBER.bin` in a bucket. */
type Method = (setup: Setup, prefix: string) => Promise<Cost>;

function urlsOf({ work: { files, sizeBytes }, origin }: Setup): string[] {
  return Array.from({ length: files }, (_, index) => `${origin}/${sizeBytes}/${index}.bin`);
}

const cronfetch: Method = async (setup, prefix) => {
  const { server, bucket, folder } = setup;
  const config = join(folder, "cronfetch.json");
  const store = `s3://${bucket}/${prefix}?endpoint=${server.endpoint}&region=us-east-1`;
  const settings = { store, state: `kv:${prefix}.db`, limits: { perHost: 32 } };
  await Deno.writeTextFile(config, JSON.stringify({ ...settings, tasks: urlsOf(setup) }));
  const args = ["run", "--quiet", "-A", MAIN, "run", "-q", "-c", config];
  return await cost(Deno.execPath(), args, { cwd: folder, env: server.env });
};

/** Runs a shell command that fails if any program of a pipe does. */
function shell(command: string, { server, folder }: Setup): Promise<Cost> {
  // Unnecessary on loopback, and rclone does not support it.
  const env = { ...server.env, AWS_DEFAULT_REGION: "us-east-1", AWS_CA_BUNDLE: "" };
  return cost("bash", ["-o", "pipefail", "-ec", command], { cwd: folder, env });
}

function rcloneOptions({ server }: Setup): string {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = server.env;
  return "--s3-provider Other --s3-force-path-style --s3-no-check-bucket " +
    `--s3-endpoint ${server.endpoint} --s3-access-key-id ${AWS_ACCESS_KEY_ID} ` +
    `--s3-secret-access-key ${AWS_SECRET_ACCESS_KEY}`;
}

const rclone: Method = async (setup, prefix) => {
  const { work, origin, bucket, folder } = setup;
  const names = urlsOf(setup).map((url) => url.slice(url.lastIndexOf("/") + 1));
  await Deno.writeTextFile(join(folder, "names.txt"), names.join("\n"));
  return await shell(
    `${RCLONE} copy :http: :s3:${bucket}/${prefix} --http-url ${origin}/${work.sizeBytes} ` +
      `--files-from-raw names.txt --no-traverse --transfers 32 --checkers 32 ` +
      rcloneOptions(setup),
    setup,
  );
};

const SMALL = { files: 1_000, sizeBytes: 16 * 1024 };
const WORKLOADS: readonly Workload[] = [
  { ...SMALL, name: "1,000 files of 16 KiB", isUnchanged: false },
  { ...SMALL, name: "1,000 unchanged files", isUnchanged: true },
  { name: "one file of 512 MiB", files: 1, sizeBytes: 2 ** 29, isUnchanged: false },
];

/** Verifies every byte that a method has written. */
async function verify(setup: Setup, prefix: string): Promise<void> {
  const { server, bucket, work } = setup;
  const found = await keys(server, bucket, `${prefix}/`);
  if (found.length !== work.files) throw new Error(`${prefix}: ${found.length} files`);
  for (const key of found) {
    const bytes = await getObject(server, bucket, key);
    const isRight = bytes?.length === work.sizeBytes && bytes.every((byte) => byte === 0x63);
    if (!isRight) throw new Error(`${key} differs from the origin`);
  }
}

async function measure(work: Workload, setup: Omit<Setup, "bucket" | "work">): Promise<string[]> {
  const pairs: { readonly theirs: Cost; readonly ours: Cost }[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    // Existing files would save work.
    const bucket = await setup.server.makeBucket();
    const target = { ...setup, work, bucket };
    const run = async (method: Method, prefix: string) => {
      if (work.isUnchanged) await method(target, prefix);
      return await method(target, prefix);
    };
    const pair = { theirs: await run(rclone, "theirs"), ours: await run(cronfetch, "ours") };
    // The first round warms up.
    if (round > 0) pairs.push(pair);
    if (round === ROUNDS) { for (const prefix of ["theirs", "ours"]) await verify(target, prefix); }
    for await (const { name } of Deno.readDir(setup.folder)) {
      await Deno.remove(join(setup.folder, name), { recursive: true });
    }
  }
  return compared(pairs);
}

/** A path `/SIZE/NAME` returns the file of that size, for any NAME. */
await using nginx = await startNginx({
  http: "sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=100;",
  server: "access_log off; location ~ ^/(\\d+)/ { try_files /$1.bin =404; }",
});
for (const { sizeBytes } of WORKLOADS) {
  await Deno.writeFile(nginx.files.file(`${sizeBytes}.bin`), new Uint8Array(sizeBytes).fill(0x63));
}
const folder = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "cronfetch-bench-" });
try {
  const titles = ["wall / theirs", "range", "processor s, ours / theirs", "peak MiB"];
  printRow("work", ...titles);
  printRow("---", "---", "---", "---", "---");
  for (const work of WORKLOADS) {
    await using server = await startS3("versitygw");
    printRow(work.name, ...await measure(work, { server, origin: nginx.origin, folder }));
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
