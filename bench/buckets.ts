/**
 * Compares cronfetch with common pipelines into a bucket of versitygw, alternately:
 *
 *     VERSITYGW=… deno run -A bench/buckets.ts [rounds]
 *
 * Prints rows of a Markdown table. Every byte of the last round is verified.
 */

import { join } from "@std/path";
import { startNginx } from "../tests/heavy/nginx.ts";
import { getObject, keys } from "../tests/helpers/s3_objects.ts";
import { type S3Server, startS3 } from "../tests/helpers/s3_server.ts";
import { compared, type Cost, cost, printRow } from "./measure.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const ROUNDS = Number(Deno.args[0] ?? 5);

/** The files to download into a bucket. */
interface Workload {
  readonly name: string;
  readonly files: number;
  readonly sizeBytes: number;
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
  const settings = { store, state: "memory:", limits: { perHost: 32 } };
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

/** The workloads with their peers by name. */
const WORKLOADS: readonly (Workload & { readonly peers: Readonly<Record<string, Method>> })[] = [
  {
    name: "1,000 files of 16 KiB",
    files: 1000,
    sizeBytes: 16 * 1024,
    peers: {
      "rclone copy of a list": async (setup, prefix) => {
        const { work, origin, bucket, folder } = setup;
        const names = urlsOf(setup).map((url) => url.slice(url.lastIndexOf("/") + 1));
        await Deno.writeTextFile(join(folder, "names.txt"), names.join("\n"));
        return await shell(
          `rclone copy :http: :s3:${bucket}/${prefix} --http-url ${origin}/${work.sizeBytes} ` +
            `--files-from-raw names.txt --no-traverse --transfers 32 --checkers 32 ` +
            rcloneOptions(setup),
          setup,
        );
      },
      "curl --parallel, then aws s3 cp --recursive": async (setup, prefix) => {
        const { bucket, folder } = setup;
        const list = urlsOf(setup).map((url, index) => {
          return `url = "${url}"\noutput = "files/${index}.bin"\nsilent\ncreate-dirs\n`;
        });
        await Deno.writeTextFile(join(folder, "curl.txt"), list.join("next\n"));
        return await shell(
          "rm -rf files; curl --parallel --parallel-max 32 -K curl.txt && " +
            `aws s3 cp --recursive --quiet files s3://${bucket}/${prefix}`,
          setup,
        );
      },
    },
  },
  {
    name: "one file of 1 GiB",
    files: 1,
    sizeBytes: 2 ** 30,
    peers: {
      "rclone copyurl": (setup, prefix) =>
        shell(
          `rclone copyurl ${urlsOf(setup)} :s3:${setup.bucket}/${prefix}/0.bin ` +
            rcloneOptions(setup),
          setup,
        ),
      "curl, piped to aws s3 cp": (setup, prefix) =>
        shell(
          `curl -s ${urlsOf(setup)} | aws s3 cp --quiet - ` +
            `s3://${setup.bucket}/${prefix}/0.bin`,
          setup,
        ),
    },
  },
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

async function measure(
  work: Workload,
  theirs: Method,
  setup: Omit<Setup, "bucket" | "work">,
): Promise<string[]> {
  const pairs: { readonly theirs: Cost; readonly ours: Cost }[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    // Existing files would save some methods work.
    const bucket = await setup.server.makeBucket();
    const target = { ...setup, work, bucket };
    const pair = { theirs: await theirs(target, "theirs"), ours: await cronfetch(target, "ours") };
    // The first round warms up.
    if (round > 0) pairs.push(pair);
    if (round === ROUNDS) { for (const prefix of ["theirs", "ours"]) await verify(target, prefix); }
    await Deno.remove(join(folder, "files"), { recursive: true }).catch(() => {});
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
  printRow(
    "work",
    "compared with",
    "wall / theirs",
    "range",
    "processor s, ours / theirs",
    "peak MiB",
  );
  printRow("---", "---", "---", "---", "---", "---");
  for (const { peers, ...work } of WORKLOADS) {
    for (const [name, method] of Object.entries(peers)) {
      await using server = await startS3("versitygw");
      const cells = await measure(work, method, { server, origin: nginx.origin, folder });
      printRow(work.name, name, ...cells);
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
