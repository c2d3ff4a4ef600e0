/**
 * Which files of a family a task may replace, and which of them it keeps. Pure. Loaded on demand: few
 * tasks have names from servers, or keep versions.
 */

import { foldKey } from "../core/key.ts";
import type { FamilyMember } from "../state/state.ts";

/** Whether a task may replace a file. */
export type Claim =
  /** Yes: the record or the family lists it. */
  | "own"
  /** Claimed before it was published: yes, if its digest is the claimed one. */
  | "claimed"
  /** No: the task has not published it. */
  | "foreign";

/** Determines whether a task may replace the file under a key that a server named. */
export function claimOn(
  key: string,
  published: string | null,
  members: readonly FamilyMember[],
): Claim {
  if (key === published) return "own";
  const member = members.find((one) => one.kind === "file" && one.key === key);
  if (member === undefined) return "foreign";
  return member.publishedAt === null ? "claimed" : "own";
}

/**
 * The spelling under which a task has published a key already. Names that differ only in case or
 * Unicode normalization may be the same file, and are treated as one.
 */
export function knownSpelling(
  key: string,
  published: string | null,
  members: readonly FamilyMember[],
): string {
  const folded = foldKey(key);
  const keys = members.filter(({ kind }) => kind === "file").map((member) => member.key);
  const known = published === null ? keys : [published, ...keys];
  return known.includes(key) ? key : known.find((one) => foldKey(one) === folded) ?? key;
}

/**
 * The older files of a family beyond those to keep, the oldest last.
 *
 * @param current Key of the newest file, which is not counted.
 * @param keep Number of older files to keep.
 */
export function surplusMembers(
  members: readonly FamilyMember[],
  current: string,
  keep: number,
): FamilyMember[] {
  const newest = foldKey(current);
  return members
    .filter(({ key, kind, publishedAt }) =>
      (kind === "file" || kind === "version") && publishedAt !== null && foldKey(key) !== newest
    )
    .map((member) => ({ member, atMs: epochMs(member.publishedAt) }))
    .sort((a, b) => b.atMs - a.atMs || (a.member.key < b.member.key ? 1 : -1))
    .slice(keep)
    .map(({ member }) => member);
}

/** Milliseconds since the epoch; 0 for null. */
function epochMs(time: string | null): number {
  return time === null ? 0 : Temporal.Instant.from(time).epochMilliseconds;
}
