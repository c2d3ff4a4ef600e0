/** Makes the next run fetch files anew. */

import type { Host } from "../core/host.ts";
import type { State, TaskRecord } from "../state/state.ts";
import type { Comparison } from "./compare.ts";

/** Long enough for a look at the records and a write. */
const LEASE_MS = 60_000;

/**
 * Forgets what is known about the published bytes of files that are not what is
 * recorded, and makes their tasks due. Their history stays. A task that a run
 * is working on is left alone, and so is one whose record has changed since its
 * file was read.
 *
 * @param wrong Comparisons with a task.
 * @returns Ids of the tasks whose files were forgotten.
 * @throws {CronfetchError} any `state.` code.
 */
export async function forgetPublished(
  wrong: readonly Comparison[],
  state: State,
  { clock, random }: Pick<Host, "clock" | "random">,
): Promise<Set<string>> {
  const expected = new Map(
    wrong.flatMap(({ task, expected }) => task === null ? [] : [[task, expected]]),
  );
  if (expected.size === 0) return new Set();
  const at = clock.now();
  const name = `verify-${random.name()}`;
  const held = await state.acquire([...expected.keys()], name, LEASE_MS);
  try {
    const records = await state.records(held);
    const forgotten = [...records.values()].filter(({ task, published }) =>
      published?.sha256 === expected.get(task)
    );
    for (const record of forgotten) state.save(withoutPublished(record, at));
    return new Set(forgotten.map(({ task }) => task));
  } finally {
    await state.release(name);
  }
}

/** A record that makes its task fetch everything, at the next run that looks for what is due. */
export function withoutPublished(record: TaskRecord, at: Temporal.Instant): TaskRecord {
  return {
    ...record,
    published: null,
    publishedAt: null,
    // As good as a tick of the schedule; a time that a server asked for is kept.
    notBefore: record.notBefore ?? at.toString(),
    part: null,
  };
}
