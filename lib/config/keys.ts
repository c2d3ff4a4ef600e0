/** Names of files: from `to`, from URLs and from servers, safe on every file system. */

import filenamify from "filenamify";
import { trimEndOf } from "../core/text.ts";
import { type Parsed, show } from "./problem.ts";

/**
 * Longest name of a file in bytes. File systems allow 255; the rest is room for
 * what is put around a name while a file is written and while older versions are kept.
 */
const LONGEST_NAME_BYTES = 200;

/** Longest key in bytes: what S3 allows. */
const LONGEST_KEY_BYTES = 1_024;

/** Longest extension that outlives the shortening of a name, in bytes, with its dot. */
const LONGEST_EXTENSION_BYTES = 20;

/** Longest name that is made safe as it is, in characters; longer ones are shortened first. */
const MAX_RAW_NAME = 2_000;

/** Name of a file whose URL ends in `/`. */
export const NAMELESS = "index.html";

/** Names of cronfetch's own, on file systems that ignore case too. */
const RESERVED = /^\.cronfetch(?:-|$)/i;

/**
 * Makes a key of what `to` says, its template filled in, or of the URL where
 * `to` is absent or a folder. What a person wrote is refused where it is
 * unsafe; what comes from a URL is changed to be safe. A query never counts.
 */
export function keyOf(to: string | null, url: URL): Parsed<string> {
  if (to === null) return { value: nameFromUrl(url) };
  const written = to.normalize("NFC");
  const complaint = complaintAbout(written.endsWith("/") ? written.slice(0, -1) : written);
  if (complaint !== null) return { complaint };
  const key = written.endsWith("/") ? written + nameFromUrl(url) : written;
  // No unit of UTF-16 takes more than three bytes.
  return key.length * 3 > LONGEST_KEY_BYTES && bytesOf(key) > LONGEST_KEY_BYTES
    ? { complaint: `makes a name of more than ${LONGEST_KEY_BYTES} bytes` }
    : { value: key };
}

/**
 * What is wrong with a key where every key is put behind a bucket's prefix, or null.
 *
 * @param prefix Without a slash at its end; `""` for none.
 */
export function complaintBehind(prefix: string, key: string): string | null {
  const name = prefix === "" ? key : `${prefix}/${key}`;
  if (name.length * 3 <= LONGEST_KEY_BYTES || bytesOf(name) <= LONGEST_KEY_BYTES) return null;
  return `makes, behind the prefix of the bucket, a name of more than ${LONGEST_KEY_BYTES} bytes`;
}

/**
 * The last part of a name that a server gave (RFC 6266, section 4.3), made safe:
 * no folder, no device, no hidden file, at most 200 bytes.
 *
 * @returns Null if nothing is left of it.
 */
export function safeName(name: string): string | null {
  const parts = name.replace(/%2f|%5c|\\/gi, "/").split("/");
  const last = parts.findLast((part) => part !== "") ?? "";
  return safeSegment(last.replace(/^[\s.]+/, ""));
}

/**
 * Puts the name a server gave in place of `{name}` in a key.
 *
 * @param key Of a task with `namedByServer`.
 * @param name As the server gave it; null, or one of which nothing is left, stands for the URL's.
 * @param url The task's, not the one that answered.
 */
export function keyWithName(key: string, name: string | null, url: string): string {
  const safe = (name === null ? null : safeName(name)) ?? nameFromUrl(new URL(url));
  const start = key.lastIndexOf("/") + 1;
  const segment = key.slice(start).replace("{name}", () => safe);
  return key.slice(0, start) + (safeSegment(segment) ?? NAMELESS);
}

/** The last segment of a URL as a name, its query left out. */
export function nameFromUrl(url: URL): string {
  const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  return safeSegment(decoded(last)) ?? NAMELESS;
}

/** Decodes percent-encoded text; text that cannot be decoded stays as it is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function complaintAbout(path: string): string | null {
  if (/^[/\\]|^[a-z]:/i.test(path)) return "must be relative to the store";
  if (path.includes("\\")) return "must have / between its parts, not \\";
  for (const segment of path.split("/")) {
    if (segment === "") return "must not hold an empty part";
    if (segment === "." || segment === "..") return `must not hold ${segment} as a part`;
    if (RESERVED.test(segment)) return `holds ${show(segment)}, a name of cronfetch's own`;
    const safe = safeSegment(segment);
    if (safe === segment) continue;
    const instead = safe === null ? "" : `; ${show(safe)} is`;
    return `holds ${show(segment)}, which is no safe name on every system${instead}`;
  }
  return null;
}

/**
 * Names that are safe beyond doubt, as nearly all are: looking them over with
 * more care is most of the time that 100,000 tasks take to load.
 */
const PLAIN =
  /^(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$))[a-z0-9_](?:[a-z0-9_.-]{0,98}[a-z0-9_-])?$/i;

/** Makes one segment of a key safe everywhere; null if nothing is left of it. */
export function safeSegment(name: string): string | null {
  if (PLAIN.test(name)) return name;
  const trimmed = name.toWellFormed().trim();
  if (/^[.\s]*$/.test(trimmed)) return null;
  // filenamify takes quadratic time for long runs of dots or blanks, which a server may send.
  const bounded = trimmed.length > MAX_RAW_NAME ? shortened(trimmed) : trimmed;
  const safe = filenamify(bounded, { replacement: "_", maxLength: Infinity });
  const short = shortened(safe);
  return RESERVED.test(short) ? `_${short}` : short;
}

/** Cuts a name to its longest length, before its extension. */
function shortened(name: string): string {
  if (bytesOf(name) <= LONGEST_NAME_BYTES) return name;
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 ? name.slice(dot) : "";
  const kept = bytesOf(extension) <= LONGEST_EXTENSION_BYTES ? extension : "";
  const room = new Uint8Array(LONGEST_NAME_BYTES - bytesOf(kept));
  const { read } = encoder.encodeInto(name, room);
  return trimEndOf(name.slice(0, read), ". ") + kept;
}

const encoder = new TextEncoder();

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}
