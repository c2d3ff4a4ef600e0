/** Keys and the two parts they have; what no driver may let in. */

import { CronfetchError } from "../core/errors.ts";

/** Names that begin so, in any case, are the store's own: drafts, and the files of runs. */
export const OWN_PREFIX = ".cronfetch-";

/**
 * Refuses a key that would leave a store or meet the store's own files. The
 * last line of defence: keys are made safe long before (see `config/keys.ts`).
 *
 * @throws {CronfetchError} `store.name`.
 */
export function checkKey(key: string): void {
  const fault = keyFault(key);
  if (fault === null) return;
  throw new CronfetchError("store.name", `${JSON.stringify(key)} cannot name a file: ${fault}`);
}

/** Refuses what is neither a key nor the empty prefix, as {@linkcode checkKey} does. */
export function checkPrefix(prefix: string): void {
  if (prefix !== "") checkKey(prefix);
}

/** Why a text is no key, as a clause for people; or null for a key. */
export function keyFault(key: string): string | null {
  if (key.startsWith("/")) return "it is absolute";
  if (key.includes("\\")) return "it holds a backslash";
  if (key.includes("\0")) return "it holds a NUL character";
  if (!key.isWellFormed()) return "it is not well-formed Unicode";
  for (const segment of key.split("/")) {
    if (segment === "") return "it holds an empty segment";
    if (segment === "." || segment === "..") return `it holds the segment ${segment}`;
    if (isOwnName(segment)) return `names in ${OWN_PREFIX}* are kept for cronfetch itself`;
  }
  return null;
}

/** Whether a file of this name belongs to the store itself, and is no published file. */
function isOwnName(name: string): boolean {
  return name.slice(0, OWN_PREFIX.length).toLowerCase() === OWN_PREFIX;
}

/** The folder of a key, or of a folder: everything before the last segment; `""` for the root. */
export function folderOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

/** The last segment of a key. */
export function nameOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
