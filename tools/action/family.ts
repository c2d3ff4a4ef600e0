/** Which files have left the families of tasks in a run, by the state before and after it. Pure. */

import { parseContents } from "../../lib/state/file_text.ts";

/**
 * The keys that a run has removed from the families of tasks. The result of a task names its current
 * key only, not the pruned files with dated or server-given names.
 *
 * @param before Text of the state before the run, or null.
 * @param after Text of the state after the run, or null.
 * @returns Keys by task; empty if one of the texts is missing or unreadable.
 */
export function removedMembers(
  before: string | null,
  after: string | null,
): ReadonlyMap<string, readonly string[]> {
  const [old, current] = [membersIn(before), membersIn(after)];
  const removed = new Map<string, string[]>();
  if (old === null || current === null) return removed;
  for (const [task, members] of old) {
    const keys = [...members.keys()].filter((key) => !current.get(task)?.has(key));
    if (keys.length > 0) removed.set(task, keys);
  }
  return removed;
}

function membersIn(text: string | null) {
  if (text === null) return null;
  try {
    return parseContents(text, "the state").entries.get("members") ?? new Map();
  } catch {
    // Merging the states reports an unreadable one.
    return null;
  }
}
