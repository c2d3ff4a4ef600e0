/** Keys: their validity, parts and comparison, and the keys that are derived from them. */

import { CronfetchError } from "./errors.ts";

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
  // Most names start with another character, which needs no copy in lower case.
  return name.startsWith(".") && name.slice(0, OWN_PREFIX.length).toLowerCase() === OWN_PREFIX;
}

/** Prefix of the keys of list documents. No file can have it: a colon is not safe on every system. */
const LIST_PREFIX = "list:";

/** The key of the document of a list, which is recorded but not published in the store. */
export function listKey(id: string): string {
  return LIST_PREFIX + encodeURIComponent(id.toWellFormed());
}

/** Whether a key is that of a list document, so that no file of the store has it. */
export function isListKey(key: string): boolean {
  return key.startsWith(LIST_PREFIX);
}

/** A key as shown to people: that of a list names no file. */
export function shownKey(key: string): string {
  return isListKey(key) ? "(a list)" : key;
}

/** The key without its last segment; `""` for the root. */
export function folderOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

/** The last segment of a key. */
export function nameOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

/** Suffix of the key of quarantined content. */
export const REFUSED_SUFFIX = ".refused";

/** `name.20260115T060000123Z.ext`: the time in UTC, to the millisecond, before the extension. */
const VERSION = /^(.*)\.(\d{8}T\d{9}Z)(\.[^./]*)?$/s;

/**
 * The normalized key: equal for two keys if any file system treats them as one file (case, NFC).
 */
export function foldKey(key: string): string {
  return key.toUpperCase().normalize("NFC");
}

/**
 * Key of an older version of a file.
 *
 * @param key Of the file.
 * @param publishedMs When that version was published, milliseconds since the epoch.
 */
export function versionKey(key: string, publishedMs: number): string {
  const time = new Date(publishedMs).toISOString().replace(/[-:.]/g, "");
  const nameStart = key.lastIndexOf("/") + 1;
  const dot = key.lastIndexOf(".");
  const stemEnd = dot > nameStart ? dot : key.length;
  return `${key.slice(0, stemEnd)}.${time}${key.slice(stemEnd)}`;
}

/** The key of the file of which a key names an older version, or null for another key. */
export function versionedKey(key: string): string | null {
  const found = VERSION.exec(key);
  return found ? `${found[1]}${found[3] ?? ""}` : null;
}

/**
 * The key from which another is derived, as an older version or quarantined content.
 *
 * @param folded As returned by {@linkcode foldKey}.
 * @returns Folded; null if the key is not derived from another.
 */
export function baseKey(folded: string): string | null {
  return folded.endsWith(FOLDED_SUFFIX)
    ? folded.slice(0, -FOLDED_SUFFIX.length)
    : versionedKey(folded);
}

const FOLDED_SUFFIX = foldKey(REFUSED_SUFFIX);
