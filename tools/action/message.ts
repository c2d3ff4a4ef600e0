/** Commit messages. Pure. */

import { formatSize, plural } from "../../lib/report/format.ts";
import { isChanged, type Outcome } from "./outcomes.ts";

/** Maximum number of files in a message. */
const NAMED = 100;

/**
 * The message of a commit.
 *
 * @param outcomes The tasks in the commit.
 * @param subject The first line; if empty, it is derived from the outcomes.
 * @param skipCi Whether to add `[skip ci]`.
 */
export function commitMessage(
  outcomes: readonly Outcome[],
  { subject, skipCi }: { readonly subject: string; readonly skipCi: boolean },
): string {
  const changed = outcomes.filter(isChanged);
  const first = (subject.trim() || ownSubject(outcomes, changed)) + (skipCi ? " [skip ci]" : "");
  const lines = changed.slice(0, NAMED).map(changeLine);
  if (changed.length > NAMED) lines.push(`and ${plural(changed.length - NAMED, "more file")}`);
  return [first, ...(lines.length === 0 ? [] : ["", ...lines])].join("\n") + "\n";
}

/** `updated  a.csv  1.34 MB (+40 B)` */
function changeLine({ status, key, sizeBytes, previousSizeBytes }: Outcome): string {
  const size = sizeBytes === null ? "" : `  ${formatSize(sizeBytes, previousSizeBytes)}`;
  return `${status}  ${plainKey(key)}${size}`;
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
 * A key as inert text: servers may choose names, and GitHub interprets `[skip ci]`, `fixes #1`,
 * `closes GH-1` or `@user` in a message. Letters are kept; blanks and signs are percent-encoded.
 */
function plainKey(key: string): string {
  return key.replace(/[^\p{L}\p{N}\p{M}._~/=,+-]/gu, (character) => {
    if (!character.isWellFormed()) return "%EF%BF%BD";
    return [...new TextEncoder().encode(character)]
      .map((byte) => "%" + byte.toString(16).toUpperCase().padStart(2, "0")).join("");
  });
}
