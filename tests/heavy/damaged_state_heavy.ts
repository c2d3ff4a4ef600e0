/** Damaged databases in runs of their own processes: no panic, no hang, no request (row 143). */

import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { temporaryFolder } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import { type Damage, damages } from "../state/damage.ts";
import { type Ending, startRun, writeConfig } from "./program.ts";

const SEED = 1430;

/** Processes at a time. */
const LANES = 2;

/** The end of a run over a damaged state, and its requests. */
interface RunEnd {
  readonly ending: Ending;
  readonly requests: number;
  readonly published: string;
}

async function runOver({ make }: Pick<Damage, "make">): Promise<RunEnd> {
  await using folder = await temporaryFolder();
  await using server = origin({ "/a.txt": "new\n" });
  const state = folder.file("state/state.db");
  await Deno.mkdir(dirname(state));
  await Deno.mkdir(folder.file("files"));
  await Deno.writeTextFile(folder.file("files/a.txt"), "old\n");
  await make(state);
  const config = await writeConfig(folder.path, {
    store: folder.file("files"),
    state: `kv:${state}`,
    tasks: [{ id: "first-1", url: `${server.origin}/a.txt` }],
  });
  await using program = startRun(config);
  const ending = await program.ended;
  const published = await Deno.readTextFile(join(folder.path, "files", "a.txt"));
  return { ending, requests: server.hits(), published };
}

Deno.test(`row 143: a run over each damaged kv: database (seed ${SEED}) ends with exit code 2, without a request`, async () => {
  const rest = await damages(SEED);
  assert(rest.length >= 50, `${rest.length}`);
  const lane = async () => {
    for (let damage = rest.pop(); damage !== undefined; damage = rest.pop()) {
      const { ending, requests, published } = await runOver(damage);
      const { code, signal, stderr } = ending;
      assertEquals(
        { name: damage.name, code, signal, requests, published },
        { name: damage.name, code: 2, signal: null, requests: 0, published: "old\n" },
        stderr,
      );
      assert(
        /^[^\n]*\nhint: (?:move it away to start from scratch; published files are kept|choose another path)\n$/
          .test(stderr),
        stderr,
      );
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
});

Deno.test({
  name:
    "row 143: a database or folder that may not be read ends a run with exit code 2, without a request",
  // Permissions do not apply to root.
  ignore: Deno.uid() === 0,
  fn: async () => {
    for (const isFolder of [false, true]) {
      const make = async (path: string) => {
        await Deno.writeFile(path, new Uint8Array(8192));
        await Deno.chmod(isFolder ? dirname(path) : path, 0o000);
      };
      const { ending, requests } = await runOver({ make });
      assertEquals([ending.code, requests], [2, 0], ending.stderr);
    }
  },
});
