/**
 * cronfetch beside curl, in turns, against one nginx on loopback:
 *
 *     deno run -A bench/compare.ts [rounds]
 *
 * Prints a line of a Markdown table for each kind of work: the median of the
 * ratios of the rounds (cronfetch's wall time to curl's in the same round) and
 * their range, processor time (user and system) and peak resident memory of
 * both. Ratios hold on a noisy machine, seconds do not.
 */

import { join } from "@std/path";
import { startNginx } from "../tests/heavy/nginx.ts";
import { compared, type Cost, cost, say } from "./measure.ts";

interface Work {
  readonly name: string;
  readonly files: number;
  readonly sizeBytes: number;
  /** The files are there already, and the server says that nothing has changed. */
  readonly unchanged: boolean;
}

const WORKS: readonly Work[] = [
  { name: "one file of 1 GiB", files: 1, sizeBytes: 2 ** 30, unchanged: false },
  { name: "5,000 files of 16 KiB", files: 5000, sizeBytes: 16 * 1024, unchanged: false },
  { name: "20,000 files of 1 KiB", files: 20_000, sizeBytes: 1024, unchanged: false },
  { name: "5,000 files, unchanged (304)", files: 5000, sizeBytes: 16 * 1024, unchanged: true },
];

/** A path `/SIZE/NAME` is the one file of that size, whatever NAME is. */
const NGINX = {
  http: "sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=100;",
  server: "access_log off; location ~ ^/(\\d+)/ { try_files /$1.bin =404; }",
};

const MAIN = new URL("../main.ts", import.meta.url).pathname;
const ROUNDS = Number(Deno.args[0] ?? 5);

/** What curl is to do, as its config file says it. `next` lets each URL have its own ETag. */
function curlConfig(work: Work, urls: readonly string[]): string {
  return urls.map((url, index) => {
    const etag = `etags/${index}`;
    const condition = work.unchanged ? `etag-compare = "${etag}"\netag-save = "${etag}"\n` : "";
    return `url = "${url}"\noutput = "curl/${index}.bin"\nsilent\ncreate-dirs\n${condition}`;
  }).join("next\n");
}

async function measure(work: Work, origin: string, folder: string): Promise<string[]> {
  const urls = Array.from(
    { length: work.files },
    (_, index) => `${origin}/${work.sizeBytes}/${index}.bin`,
  );
  const config = join(folder, "cronfetch.json");
  const settings = { store: "cronfetch", state: "kv:state.db", limits: { perHost: 32 } };
  await Deno.writeTextFile(config, JSON.stringify({ ...settings, tasks: urls }));
  const list = join(folder, "curl.txt");
  await Deno.writeTextFile(list, curlConfig(work, urls));

  const curl = () =>
    cost("curl", ["--parallel", "--parallel-max", "32", "-K", list], { cwd: folder });
  const cronfetch = () =>
    cost(Deno.execPath(), ["run", "--quiet", "-A", MAIN, "run", "-q", "-c", config], {
      cwd: folder,
    });
  const clear = async () => {
    for (const made of ["cronfetch", "curl", "etags", "state.db", "state.db-wal", "state.db-shm"]) {
      await Deno.remove(join(folder, made), { recursive: true }).catch(() => {});
    }
    await Deno.mkdir(join(folder, "etags"));
  };

  await clear();
  await curl();
  await cronfetch();
  const pairs: { readonly theirs: Cost; readonly ours: Cost }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (!work.unchanged) await clear();
    pairs.push({ theirs: await curl(), ours: await cronfetch() });
  }
  await clear();

  return [work.name, ...compared(pairs)];
}

await using nginx = await startNginx(NGINX);
for (const sizeBytes of new Set(WORKS.map((work) => work.sizeBytes))) {
  await Deno.writeFile(nginx.files.file(`${sizeBytes}.bin`), new Uint8Array(sizeBytes).fill(0x63));
}
// In memory: a disk costs all programs the same, and differs from one minute to the next.
const folder = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "cronfetch-bench-" });
try {
  say("work", "wall / curl", "range", "processor s, ours / curl", "peak MiB, ours / curl");
  say("---", "---", "---", "---", "---");
  for (const work of WORKS) say(...await measure(work, nginx.origin, folder));
} finally {
  await Deno.remove(folder, { recursive: true });
}
