/** The message of a commit. Pure. */

import { plural } from "../../lib/report/format.ts";
import { isChanged, type Outcome } from "./outcomes.ts";

/** Files named in a message at most. */
const NAMED = 100;

/**
 * Says what a commit changes.
 *
 * @param outcomes The tasks that are in the commit.
 * @param subject The first line; an empty one is made from the outcomes.
 * @param skipCi Whether the push shall start no workflow.
 */
export function commitMessage(
  outcomes: readonly Outcome[],
  { subject, skipCi }: { readonly subject: string; readonly skipCi: boolean },
): string {
  const changed = outcomes.filter(isChanged);
  const first = (subject.trim() || ownSubject(outcomes, changed)) + (skipCi ? " [skip ci]" : "");
  const lines = changed.slice(0, NAMED).map(({ status, key }) => `${status}  ${plainKey(key)}`);
  if (changed.length > NAMED) lines.push(`and ${plural(changed.length - NAMED, "more file")}`);
  return [first, ...(lines.length === 0 ? [] : ["", ...lines])].join("\n") + "\n";
}

function ownSubject(outcomes: readonly Outcome[], changed: readonly Outcome[]): string {
  if (changed.length === 0) return `cronfetch: nothing new in ${plural(outcomes.length, "task")}`;
  const count = (status: Outcome["status"]) =>
    changed.filter((outcome) => outcome.status === status).length;
  const counts = (["created", "updated"] as const)
    .filter((status) => count(status) > 0)
    .map((status) => `${count(status)} ${status}`);
  return `cronfetch: ${counts.join(", ")}`;
}

/**
 * A key as text that GitHub takes for nothing else: servers may name files, and
 * a name like `[skip ci]`, `fixes #1`, `closes GH-1` or `@somebody` acts in a
 * message. Letters of all scripts stay; blanks and signs are percent-encoded.
 */
function plainKey(key: string): string {
  return key.replace(/[^\p{L}\p{N}\p{M}._~/=,+-]/gu, (character) => {
    if (!character.isWellFormed()) return "%EF%BF%BD";
    return [...new TextEncoder().encode(character)]
      .map((byte) => "%" + byte.toString(16).toUpperCase().padStart(2, "0")).join("");
  });
}
