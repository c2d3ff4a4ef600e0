/** Makes the next run fetch files anew. */

import type { Host } from "../core/host.ts";
import type { State, TaskRecord } from "../state/state.ts";
import type { Comparison } from "./compare.ts";

/** Long enough for a look at the records and a write. */
const LEASE_MS = 60_000;

/**
 * Forgets what is known about the published bytes of files that are not what is
 * recorded, and makes their tasks due. Their history stays. An older file, which no run
 * fetches again, leaves its family. A task that a run is working on is left alone, and so
 * is one whose record has changed since its file was read.
 *
 * @param wrong Comparisons with a task.
 * @param namedByServer Ids of the tasks whose files are named by a server.
 * @returns Keys of the files that were forgotten.
 * @throws {CronfetchError} any `state.` code.
 */
export async function forgetPublished(
  wrong: readonly Comparison[],
  namedByServer: ReadonlySet<string>,
  state: State,
  { clock, random }: Pick<Host, "clock" | "random">,
): Promise<Set<string>> {
  const tasks = new Set(wrong.flatMap(({ task }) => task === null ? [] : [task]));
  if (tasks.size === 0) return new Set();
  const at = clock.now();
  const name = `verify-${random.name()}`;
  const held = await state.acquire([...tasks], name, LEASE_MS);
  try {
    const records = await state.records(held);
    const forgotten = new Set<string>();
    for (const { key, task, isNewest, expected } of wrong) {
      if (task === null || !held.has(task)) continue;
      const record = records.get(task);
      if (!isNewest) {
        state.removeMember(task, key);
      } else if (record?.published?.key === key && record.published.sha256 === expected) {
        state.save(withoutPublished(record, at, namedByServer.has(task)));
      } else {
        continue;
      }
      forgotten.add(key);
    }
    return forgotten;
  } finally {
    await state.release(name);
  }
}

/**
 * A record that makes its task fetch everything, at the next run that looks for what is due. Of
 * a file that a server has named, key and digest are kept: they show that the file is the task's.
 */
export function withoutPublished(
  record: TaskRecord,
  at: Temporal.Instant,
  namedByServer: boolean,
): TaskRecord {
  const { published, publishedAt } = record;
  const isKept = namedByServer && published !== null;
  return {
    ...record,
    published: isKept ? { ...published, etag: null, lastModified: null, revision: "" } : null,
    publishedAt: isKept ? publishedAt : null,
    // As good as a tick of the schedule; a time that a server asked for is kept.
    notBefore: record.notBefore ?? at.toString(),
    part: null,
  };
}
