/**
 * The state of `run URL`: nothing is kept except partial files, in a companion file in the folder of the
 * store. Without partial files there is no such file.
 */

import { join } from "@std/path";
import { CronfetchError } from "../core/errors.ts";
import { bufferedState } from "./buffered.ts";
import { emptyContents, type StateDriver, type StateHost } from "./driver.ts";
import { parseContents, printContents } from "./file_text.ts";
import { readText, removeFile, replaceText } from "./file_lock.ts";
import { emptyMemory, memoryDriver } from "./memory.ts";
import { emptyRecord } from "./record.ts";
import type { State, TaskRecord } from "./state.ts";

/** Name of the companion file. No task may publish under it. */
export const PARTS_FILE = ".cronfetch-parts.json";

/**
 * Opens the state of a run without a config.
 *
 * A part in the file may be stale, or be written by another program: it is resumed only if the
 * source, the key and the size of the suspended draft are those of the record, and if the server
 * confirms the validator (RFC 9110, 13.1.5).
 *
 * @param folder Absolute path of the store.
 */
export async function openPartsState(folder: string, host: StateHost): Promise<State> {
  return bufferedState(await openPartsDriver(join(folder, PARTS_FILE), host), host);
}

async function openPartsDriver(path: string, host: StateHost): Promise<StateDriver> {
  const memory = emptyMemory();
  let stored = await readParts(path);
  for (const [task, record] of stored) memory.contents.records.set(task, record);
  const driver = memoryDriver(memory, host);
  return {
    location: driver.location,
    durable: true,
    writesEvaluations: false,
    records: (tasks) => driver.records(tasks),
    entries: (collection, owners) => driver.entries(collection, owners),
    parked: () => driver.parked(),
    runs: () => driver.runs(),
    days: () => driver.days(),
    leasedTasks: () => driver.leasedTasks(),
    acquire: (tasks, run, ttlMs) => driver.acquire(tasks, run, ttlMs),
    renew: (run, ttlMs) => driver.renew(run, ttlMs),
    release: (run) => driver.release(run),
    write: async (changes, historyMs) => {
      await driver.write(changes, historyMs);
      const changed = changes.records.values().filter((record) => record !== null).toArray();
      if (!changed.some(({ task, part }) => part !== null || stored.has(task))) return;
      // Another run may have added a partial file.
      stored = await readParts(path);
      for (const { task, part } of changed) {
        if (part === null) stored.delete(task);
        else stored.set(task, { ...emptyRecord(task), part });
      }
      if (stored.size === 0) await removeFile(path);
      else await replaceText(path, printContents({ ...emptyContents(), records: stored }));
    },
    [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose](),
  };
}

/** Reads the records with a partial file. A damaged file has none, and is replaced later. */
async function readParts(path: string): Promise<Map<string, TaskRecord>> {
  try {
    const text = await readText(path, path);
    if (text === null) return new Map();
    const { records } = parseContents(text, path);
    return new Map(
      [...records].flatMap(([task, { part }]): [string, TaskRecord][] =>
        part === null ? [] : [[task, { ...emptyRecord(task), part }]]
      ),
    );
  } catch (error) {
    if (error instanceof CronfetchError) return new Map();
    throw error;
  }
}
