/** Whether the store can be written to and the state be used, by trying, without leaving a trace. */

import { dirname, isAbsolute, join } from "@std/path";
import type { Config } from "../config/config.ts";
import type { Host } from "../core/host.ts";
import { plural } from "../report/format.ts";
import { openState } from "../state/open.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { type Finding, reasonOf } from "./finding.ts";
import { isAbsent, stateFile } from "./recall.ts";

/**
 * Publishes a tiny file in the store under a name of its own, reads it and
 * removes it.
 *
 * @returns What came of it; a store that cannot be used is a finding, too.
 */
export async function checkStore(config: Config, host: Host): Promise<Finding> {
  const { store: location, sync } = config;
  const absent = isAbsolute(location) && await isAbsent(location);
  try {
    await withoutTrace(isAbsolute(location) ? location : null, async () => {
      await using store = await openStore(location, { sync }, host);
      await tryStore(store, `cronfetch-doctor-${host.random.name()}`);
    });
    const message = absent
      ? `${location} is not there yet; the first run makes it`
      : `${location} can be written to, and read`;
    return { check: "store", verdict: "good", message };
  } catch (error) {
    const message = `${location} cannot be used: ${reasonOf(error)}`;
    return { check: "store", verdict: "wrong", message };
  }
}

async function tryStore(store: Store, key: string): Promise<void> {
  await using draft = await store.draft(key);
  await draft.write(new TextEncoder().encode("a"));
  const { sha256 } = await draft.seal();
  await draft.publish();
  try {
    const found = await store.digest(key, new AbortController().signal);
    if (found !== sha256) throw new Error("what was written cannot be read again");
  } finally {
    await store.remove(key);
  }
}

/**
 * Opens the state and reads it. One that is not there yet is not made: only its
 * folder is tried.
 */
export async function checkState(config: Config, host: Host): Promise<Finding> {
  const path = stateFile(config.state);
  try {
    if (path !== null && await isAbsent(path)) {
      await tryFolder(dirname(path), host);
      const message = `${config.state} is not there yet; the first run makes it`;
      return { check: "state", verdict: "good", message };
    }
    await using state = await openState(config.state, host);
    const { size } = await state.allRecords();
    const message = `${state.location} remembers ${plural(size, "task")}`;
    if (state.durable) return { check: "state", verdict: "good", message };
    const forgetful = `${state.location} is forgotten after each run: every file is fetched whole`;
    return { check: "state", verdict: "note", message: forgetful };
  } catch (error) {
    return { check: "state", verdict: "wrong", message: reasonOf(error) };
  }
}

/** Makes an empty file in a folder, and takes it away again. */
async function tryFolder(folder: string, host: Pick<Host, "random">): Promise<void> {
  const path = join(folder, `.cronfetch-${host.random.name()}`);
  await withoutTrace(folder, async () => {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(path, new Uint8Array(), { createNew: true });
    await Deno.remove(path);
  });
}

/** Does what makes a folder, and takes away the folders that were not there before. */
async function withoutTrace(folder: string | null, work: () => Promise<void>): Promise<void> {
  const made = folder === null ? [] : await absentFolders(folder);
  try {
    await work();
  } finally {
    // A folder that is not empty by now is in use, and stays, as do those above.
    for (const path of made) await Deno.remove(path).catch(() => {});
  }
}

/** A folder and those above it that do not exist, the deepest first. */
async function absentFolders(folder: string): Promise<string[]> {
  if (dirname(folder) === folder || !await isAbsent(folder)) return [];
  return [folder, ...await absentFolders(dirname(folder))];
}
