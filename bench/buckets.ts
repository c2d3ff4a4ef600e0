/**
 * cronfetch beside pipelines that people use, into a bucket of versitygw, in turns:
 *
 *     VERSITYGW=… deno run -A bench/buckets.ts [rounds]
 *
 * Prints rows of a Markdown table. Afterwards every byte that landed is looked at.
 */

import { join } from "@std/path";
import { startNginx } from "../tests/heavy/nginx.ts";
import { getObject, keys } from "../tests/helpers/s3_objects.ts";
import { type S3Server, startS3 } from "../tests/helpers/s3_server.ts";
import { compared, type Cost, cost, say } from "./measure.ts";

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const ROUNDS = Number(Deno.args[0] ?? 5);

/** What is brought into a bucket. */
interface Work {
  readonly name: string;
  readonly files: number;
  readonly sizeBytes: number;
}

/** Where it comes from and goes to. */
interface Surroundings {
  readonly work: Work;
  readonly origin: string;
  readonly server: S3Server;
  readonly bucket: string;
  /** For lists and configs; in memory. */
  readonly folder: string;
}

/** One way to bring files into a bucket, under `PREFIX/NUMBER.bin`. */
type Way = (surroundings: Surroundings, prefix: string) => Promise<Cost>;

function urlsOf({ work: { files, sizeBytes }, origin }: Surroundings): string[] {
  return Array.from({ length: files }, (_, index) => `${origin}/${sizeBytes}/${index}.bin`);
}

const cronfetch: Way = async (surroundings, prefix) => {
  const { server, bucket, folder } = surroundings;
  const config = join(folder, "cronfetch.json");
  const store = `s3://${bucket}/${prefix}?endpoint=${server.endpoint}&region=us-east-1`;
  const settings = { store, state: "memory:", limits: { perHost: 32 } };
  await Deno.writeTextFile(config, JSON.stringify({ ...settings, tasks: urlsOf(surroundings) }));
  const args = ["run", "--quiet", "-A", MAIN, "run", "-q", "-c", config];
  return await cost(Deno.execPath(), args, { cwd: folder, env: server.env });
};

/** A shell that ends with the first program of a pipe that fails. */
function shell(command: string, { server, folder }: Surroundings): Promise<Cost> {
  // Of no use on loopback, and rclone cannot work with it.
  const env = { ...server.env, AWS_DEFAULT_REGION: "us-east-1", AWS_CA_BUNDLE: "" };
  return cost("bash", ["-o", "pipefail", "-ec", command], { cwd: folder, env });
}

function rcloneOptions({ server }: Surroundings): string {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = server.env;
  return "--s3-provider Other --s3-force-path-style --s3-no-check-bucket " +
    `--s3-endpoint ${server.endpoint} --s3-access-key-id ${AWS_ACCESS_KEY_ID} ` +
    `--s3-secret-access-key ${AWS_SECRET_ACCESS_KEY}`;
}

/** The peers of a work, by name. */
const WORKS: readonly (Work & { readonly peers: Readonly<Record<string, Way>> })[] = [
  {
    name: "1,000 files of 16 KiB",
    files: 1000,
    sizeBytes: 16 * 1024,
    peers: {
      "rclone copy of a list": async (surroundings, prefix) => {
        const { work, origin, bucket, folder } = surroundings;
        const names = urlsOf(surroundings).map((url) => url.slice(url.lastIndexOf("/") + 1));
        await Deno.writeTextFile(join(folder, "names.txt"), names.join("\n"));
        return await shell(
          `rclone copy :http: :s3:${bucket}/${prefix} --http-url ${origin}/${work.sizeBytes} ` +
            `--files-from-raw names.txt --no-traverse --transfers 32 --checkers 32 ` +
            rcloneOptions(surroundings),
          surroundings,
        );
      },
      "curl --parallel, then aws s3 cp --recursive": async (surroundings, prefix) => {
        const { bucket, folder } = surroundings;
        const list = urlsOf(surroundings).map((url, index) => {
          return `url = "${url}"\noutput = "files/${index}.bin"\nsilent\ncreate-dirs\n`;
        });
        await Deno.writeTextFile(join(folder, "curl.txt"), list.join("next\n"));
        return await shell(
          "rm -rf files; curl --parallel --parallel-max 32 -K curl.txt && " +
            `aws s3 cp --recursive --quiet files s3://${bucket}/${prefix}`,
          surroundings,
        );
      },
    },
  },
  {
    name: "one file of 1 GiB",
    files: 1,
    sizeBytes: 2 ** 30,
    peers: {
      "rclone copyurl": (surroundings, prefix) =>
        shell(
          `rclone copyurl ${urlsOf(surroundings)} :s3:${surroundings.bucket}/${prefix}/0.bin ` +
            rcloneOptions(surroundings),
          surroundings,
        ),
      "curl, piped to aws s3 cp": (surroundings, prefix) =>
        shell(
          `curl -s ${urlsOf(surroundings)} | aws s3 cp --quiet - ` +
            `s3://${surroundings.bucket}/${prefix}/0.bin`,
          surroundings,
        ),
    },
  },
];

/** Looks at every byte that a way has brought. */
async function check(surroundings: Surroundings, prefix: string): Promise<void> {
  const { server, bucket, work } = surroundings;
  const found = await keys(server, bucket, `${prefix}/`);
  if (found.length !== work.files) throw new Error(`${prefix}: ${found.length} files`);
  for (const key of found) {
    const bytes = await getObject(server, bucket, key);
    const isRight = bytes?.length === work.sizeBytes && bytes.every((byte) => byte === 0x63);
    if (!isRight) throw new Error(`${key} is not what the origin has`);
  }
}

async function measure(
  work: Work,
  theirs: Way,
  surroundings: Omit<Surroundings, "bucket" | "work">,
): Promise<string[]> {
  const pairs: { readonly theirs: Cost; readonly ours: Cost }[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    // What is there already would spare some of them the work.
    const bucket = await surroundings.server.makeBucket();
    const there = { ...surroundings, work, bucket };
    const pair = { theirs: await theirs(there, "theirs"), ours: await cronfetch(there, "ours") };
    // The first round warms up.
    if (round > 0) pairs.push(pair);
    if (round === ROUNDS) { for (const prefix of ["theirs", "ours"]) await check(there, prefix); }
    await Deno.remove(join(folder, "files"), { recursive: true }).catch(() => {});
  }
  return compared(pairs);
}

/** A path `/SIZE/NAME` is the one file of that size, whatever NAME is. */
await using nginx = await startNginx({
  http: "sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=100;",
  server: "access_log off; location ~ ^/(\\d+)/ { try_files /$1.bin =404; }",
});
for (const { sizeBytes } of WORKS) {
  await Deno.writeFile(nginx.files.file(`${sizeBytes}.bin`), new Uint8Array(sizeBytes).fill(0x63));
}
const folder = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "cronfetch-bench-" });
try {
  say("work", "beside", "wall / theirs", "range", "processor s, ours / theirs", "peak MiB");
  say("---", "---", "---", "---", "---", "---");
  for (const { peers, ...work } of WORKS) {
    for (const [name, way] of Object.entries(peers)) {
      await using server = await startS3("versitygw");
      const cells = await measure(work, way, { server, origin: nginx.origin, folder });
      say(work.name, name, ...cells);
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
