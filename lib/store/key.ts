/** Checks of keys that every store makes, and the two parts of a key. */

import { CronfetchError } from "../core/errors.ts";

/** Prefix, in any case, of the store's own files: drafts and the files of runs. */
export const OWN_PREFIX = ".cronfetch-";

/**
 * Checks that a key is inside of the store and not reserved. A last line of defence: keys are made
 * safe when the config is loaded (see `config/keys.ts`).
 *
 * @throws {CronfetchError} `store.name`: it is not.
 */
export function checkKey(key: string): void {
  const fault = keyFault(key);
  if (fault === null) return;
  throw new CronfetchError("store.name", `${JSON.stringify(key)} cannot name a file: ${fault}`);
}

/** As {@linkcode checkKey}, but accepts `""`. */
export function checkPrefix(prefix: string): void {
  if (prefix !== "") checkKey(prefix);
}

/** Why a text is not a valid key, as a clause for messages; or null. */
export function keyFault(key: string): string | null {
  if (key.startsWith("/")) return "it is absolute";
  if (key.includes("\\")) return "it contains a backslash";
  if (key.includes("\0")) return "it contains a NUL character";
  if (!key.isWellFormed()) return "it is not well-formed Unicode";
  for (const segment of key.split("/")) {
    if (segment === "") return "it contains an empty segment";
    if (segment === "." || segment === "..") return `it contains the segment ${segment}`;
    if (isOwnName(segment)) return `names in ${OWN_PREFIX}* are reserved for cronfetch`;
  }
  return null;
}

function isOwnName(name: string): boolean {
  return name.slice(0, OWN_PREFIX.length).toLowerCase() === OWN_PREFIX;
}

/** The key without its last segment; `""` for the root. */
export function folderOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

/** The last segment of a key. */
export function nameOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
