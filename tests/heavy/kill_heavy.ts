/** SIGKILL at any moment: published files are complete, and the next run continues (row 82). */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { temporaryFolder } from "../helpers/folder.ts";
import { mapKeys, place, STORE, storeTest } from "../helpers/place.ts";
import type { Place } from "../helpers/place.ts";
import {
  type ChangingFile,
  type ChangingOrigin,
  changingOrigin,
  seeded,
  versionOf,
} from "./changing_origin.ts";
import { type Ending, startRun, writeConfig } from "./program.ts";

/** Consecutive runs of one store; lanes are concurrent. */
interface Lane {
  readonly files: readonly ChangingFile[];
  /** Changes of single files on the server before each run. */
  readonly changes: number;
  readonly kills: number;
  readonly seed: number;
  /** Location of the state, in the folder of the lane. */
  readonly state: "kv:state.db" | "file:state.json";
}

/** Counts of what the kills of a lane hit: they must not all hit the same. */
interface Hits {
  /** Kills. */
  kills: number;
  /** Kills that left drafts. */
  withDrafts: number;
  /** Kills when some of the files were up to date, and others not. */
  midway: number;
  /** Runs that ended before the kill. */
  wholeRuns: number;
}

/** Number of events of a run: two of the run, and two per task. */
const eventsOf = (tasks: number): number => 2 + 2 * tasks;

/** Kills runs of one store, and lets the last one complete. */
async function killOverAndOver(lane: Lane): Promise<Hits> {
  const { files } = lane;
  const random = seeded(lane.seed);
  await using folder = await temporaryFolder();
  await using origin = changingOrigin(files);
  await using store = await place();
  const config = await writeConfig(folder.path, {
    store: store.location,
    state: lane.state,
    limits: { perHost: 32 },
    tasks: files.map((file) => `${origin.origin}/${file.name}`),
  });
  const hits: Hits = { kills: 0, withDrafts: 0, midway: 0, wholeRuns: 0 };
  let left: readonly string[] = [];

  /** A random moment, by events of the run or bytes sent by the server. */
  const moment = (reached: (events: number) => Promise<void>): Promise<void> => {
    const fraction = random();
    if (random() < 0.5) return reached(Math.ceil(fraction * eventsOf(files.length)));
    const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    return origin.reached(origin.sentBytes + fraction * bytes);
  };

  const runOnce = async (toItsEnd: boolean): Promise<Ending> => {
    for (let change = 0; change < lane.changes; change++) {
      origin.change(files[Math.floor(random() * files.length)]?.name ?? "");
    }
    await using program = startRun(config, { env: store.env });
    if (!toItsEnd) {
      await Promise.race([moment(program.reached), program.ended]);
      program.kill();
    }
    return await program.ended;
  };

  const endsWell = async (ending: Ending): Promise<void> => {
    assertEquals(ending.code, 0, ending.stderr);
    const { newest, own } = await look(store, files, origin);
    assertEquals(newest, files.length);
    // In a folder, drafts of a killed run are identified; in a bucket, only after a day.
    const mayBeThere = STORE === "folder" ? [] : left;
    assertEquals(own.filter((name) => !mayBeThere.includes(name)), []);
  };

  while (hits.kills < lane.kills) {
    const ending = await runOnce(false);
    if (ending.signal !== "SIGKILL") {
      await endsWell(ending);
      hits.wholeRuns++;
      await store.clear();
      left = [];
      continue;
    }
    const { newest, own } = await look(store, files, origin);
    hits.kills++;
    if (own.some((name) => isDraft(name) && !left.includes(name))) hits.withDrafts++;
    left = own;
    if (newest > 0 && newest < files.length) hits.midway++;
  }
  await endsWell(await runOnce(true));
  return hits;
}

/** Whether a name is that of a draft or pending upload. */
function isDraft(name: string): boolean {
  return STORE === "folder"
    ? name.endsWith(".part")
    : /^\.cronfetch-(?:drafts|upload)\//.test(name);
}

/** The files of a store that are up to date, and its own files. Asserts that all others are complete. */
async function look(
  store: Place,
  files: readonly ChangingFile[],
  origin: ChangingOrigin,
): Promise<{ readonly newest: number; readonly own: readonly string[] }> {
  const table = new Map(files.map((file) => [file.name, file]));
  const names = await store.names();
  const isOwn = (name: string) => name.startsWith(".cronfetch-");
  const versions = await mapKeys(names.filter((name) => !isOwn(name)), async (name) => {
    const file = table.get(name);
    assert(file !== undefined, `${name} was not requested`);
    const bytes = await store.read(name);
    assert(bytes !== null, `${name} has gone`);
    return versionOf(file, bytes, origin) === origin.newest(name);
  });
  return { newest: versions.filter(Boolean).length, own: names.filter(isOwn) };
}

/** Kills runs with each kind of state, in concurrent lanes. */
async function killInLanes(seed: number, lane: Omit<Lane, "seed" | "state">): Promise<void> {
  const states = ["kv:state.db", "file:state.json"] as const;
  const all = await Promise.all(
    states.map((state, index) => killOverAndOver({ ...lane, state, seed: seed + index })),
  );
  for (const hits of all) {
    assertGreater(hits.withDrafts, 0, "no kill hit a draft");
    assertGreater(hits.midway, 0, "no kill hit a run midway");
  }
}

/**
 * Large enough to be killed during an upload. There are few of them, as all are read after each kill.
 */
const UPLOADED_BYTES = 11_000_000;

/** 1 KB to 2 MB; some are slow, so that there are drafts at any time. */
const MIXED_FILES: readonly ChangingFile[] = Array.from({ length: 200 }, (_, index) => {
  const isUploaded = STORE !== "folder" && index % 60 === 7;
  const largeBytes = isUploaded ? UPLOADED_BYTES : 2_000_000;
  const sizeBytes = index % 20 === 7 ? largeBytes : index % 5 === 1 ? 100_000 : 1_000 + 80 * index;
  return {
    name: `mixed-${index}.bin`,
    sizeBytes,
    pieces: index % 10 === 7 ? 40 : 1,
    // Without an ETag, every run fetches it.
    validators: index % 4 !== 0 && !isUploaded,
  };
});

/** Drafts in a folder are in memory up to 256 KiB; those in a bucket up to 5 MiB. */
const LARGER_BYTES = STORE === "folder" ? 600_000 : UPLOADED_BYTES;

/** Small, except one: its draft can be hit. */
const SMALL_FILES: readonly ChangingFile[] = Array.from({ length: 40 }, (_, index) => ({
  name: `small-${index}.txt`,
  sizeBytes: index === 3 ? LARGER_BYTES : 500 + 200 * index,
  pieces: index % 8 === 3 ? 4 : 1,
  validators: index % 4 !== 0,
}));

/** Kills per kind of state while files change; fewer in buckets, where each takes seconds. */
const KILLS = STORE === "folder" ? 175 : 40;

storeTest(
  "SIGKILL at 50 moments (seed 8200) of runs of 200 files, half of them over file: states: published files are complete, and the last run completes",
  async () => {
    await killInLanes(8200, { files: MIXED_FILES, changes: 0, kills: 25 });
  },
);

storeTest(
  `SIGKILL at ${
    2 * KILLS
  } moments (seed 8210) while files change, half of them over file: states: published files are a complete version, and the last run has the newest`,
  async () => {
    await killInLanes(8210, { files: SMALL_FILES, changes: 15, kills: KILLS });
  },
);
