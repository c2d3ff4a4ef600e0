/** Keys compared, and the keys that are derived from one: older versions and quarantined content. */

/** Appended to the key of a file for content that an expectation refused. */
export const REFUSED_SUFFIX = ".refused";

/** `name.20260115T060000123Z.ext`: the time in UTC, to the millisecond, before the extension. */
const VERSION = /^(.*)\.(\d{8}T\d{9}Z)(\.[^./]*)?$/s;

/**
 * The form in which two keys are equal if any file system takes them for one
 * file: without case, and in NFC.
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

/** The key whose older version a key names, or null if it does not look like one. */
export function versionedKey(key: string): string | null {
  const found = VERSION.exec(key);
  return found ? `${found[1]}${found[3] ?? ""}` : null;
}

/**
 * The key from which another is derived: that of a file of which it would be an
 * older version or quarantined content.
 *
 * @param folded As `foldKey` returns it.
 * @returns Folded; null if the key is not derived from another.
 */
export function baseKey(folded: string): string | null {
  return folded.endsWith(FOLDED_SUFFIX)
    ? folded.slice(0, -FOLDED_SUFFIX.length)
    : versionedKey(folded);
}

const FOLDED_SUFFIX = foldKey(REFUSED_SUFFIX);
