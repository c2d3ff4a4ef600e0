/** Whether the store can be written to and the state be used, by trying, without leaving a trace. */

import { dirname, isAbsolute, join } from "@std/path";
import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { stateFile } from "../core/ownership.ts";
import { plural } from "../report/format.ts";
import { openState } from "../state/open.ts";
import { openStore } from "../store/open.ts";
import type { Sealed, Store, Survey } from "../store/store.ts";
import { type Finding, reasonOf } from "./finding.ts";
import { isAbsent } from "./recall.ts";

/**
 * Publishes a tiny file in the store under a name of its own, reads it and
 * removes it.
 *
 * @returns What came of it; a store that cannot be used is a finding, too.
 */
export async function checkStore(
  config: Config,
  host: Host,
  signal: AbortSignal,
): Promise<Finding> {
  const { store: location, sync } = config;
  const isFolder = isAbsolute(location);
  const absent = isFolder && await isAbsent(location);
  let conditional = true;
  try {
    await withoutTrace(isAbsolute(location) ? location : null, async () => {
      await using store = await openStore(location, { sync }, host);
      using _heeding = store.heed(signal);
      conditional = await tryStore(store, `cronfetch-doctor-${host.random.name()}`);
    });
    const message = absent
      ? `${location} is not there yet; the first run makes it`
      : `${location} can be written to, and read`;
    if (!isFolder && !conditional) {
      const lack = "its server takes no notice of conditions, so the last of two at once wins";
      return { check: "store", verdict: "note", message: `${message}; ${lack}` };
    }
    return { check: "store", verdict: "good", message };
  } catch (error) {
    const message = `${location} cannot be used: ${reasonOf(error)}`;
    return { check: "store", verdict: "wrong", message };
  }
}

/**
 * Publishes a file, reads it, tries to publish another over it as if nothing were
 * there, and removes it.
 *
 * @returns Whether the second one was refused.
 */
async function tryStore(store: Store, key: string): Promise<boolean> {
  // First what tells best what is wrong: other requests get no reason for a refusal.
  for await (const _file of store.list("cronfetch-doctor")) break;
  const { sha256 } = await publishText(store, key, "a");
  try {
    const found = await store.digest(key, new AbortController().signal);
    if (found !== sha256) throw new Error("what was written cannot be read again");
    const nothing = { look: () => Promise.resolve(null), ready: () => Promise.resolve() };
    return await publishText(store, key, "b", nothing).then(() => false, isConflict);
  } finally {
    await store.remove(key);
  }
}

async function publishText(
  store: Store,
  key: string,
  text: string,
  survey?: Survey,
): Promise<Sealed> {
  await using draft = await store.draft(key, survey ? { survey } : {});
  await draft.write(new TextEncoder().encode(text));
  const sealed = await draft.seal();
  await draft.publish();
  return sealed;
}

function isConflict(error: unknown): boolean {
  if (error instanceof CronfetchError && error.code === "store.conflict") return true;
  throw error;
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
