/** Names of files: from `to`, from URLs and from servers, safe on every file system. */

import filenamify from "filenamify";
import { trimEndOf } from "../core/text.ts";
import { type Parsed, quote } from "./problem.ts";
import { reservedKey } from "../core/ownership.ts";
import { parseUrl } from "./checks.ts";
import { type Environment, substituteUrl } from "./variables.ts";
import { isSecretParameter } from "./secrets.ts";
import { parseTemplate, type Render, type Template, type UrlPart } from "./template.ts";

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
  const complaint = checkName(written.endsWith("/") ? written.slice(0, -1) : written);
  if (complaint !== null) return { problem: complaint };
  const key = written.endsWith("/") ? written + nameFromUrl(url) : written;
  // No unit of UTF-16 takes more than three bytes.
  return key.length * 3 > LONGEST_KEY_BYTES && bytesOf(key) > LONGEST_KEY_BYTES
    ? { problem: `makes a name of more than ${LONGEST_KEY_BYTES} bytes` }
    : { value: key };
}

/**
 * What is wrong with a key where every key is put behind a bucket's prefix, or null.
 *
 * @param prefix Without a slash at its end; `""` for none.
 */
export function checkPrefixedKey(prefix: string, key: string): string | null {
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
  return safeSegment(decodePercent(last)) ?? NAMELESS;
}

/** Decodes percent-encoded text; text that cannot be decoded stays as it is. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function checkName(path: string): string | null {
  if (/^[/\\]|^[a-z]:/i.test(path)) return "must be relative to the store";
  if (path.includes("\\")) return "must have / between its parts, not \\";
  for (const segment of path.split("/")) {
    if (segment === "") return "must not hold an empty part";
    if (segment === "." || segment === "..") return `must not hold ${segment} as a part`;
    if (RESERVED.test(segment)) return `holds ${quote(segment)}, a name of cronfetch's own`;
    const safe = safeSegment(segment);
    if (safe === segment) continue;
    const instead = safe === null ? "" : `; ${quote(safe)} is`;
    return `holds ${quote(segment)}, which is no safe name on every system${instead}`;
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
  const bounded = trimmed.length > MAX_RAW_NAME ? shortenName(trimmed) : trimmed;
  const safe = filenamify(bounded, { replacement: "_", maxLength: Infinity });
  const short = shortenName(safe);
  return RESERVED.test(short) ? `_${short}` : short;
}

/** Cuts a name to its longest length, before its extension. */
function shortenName(name: string): string {
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

/** Stands before each value of a URL in a rendered name. No name may hold it. */
const MARK = "\u0001";

/**
 * The key of a task: its template with the dates and the parts of the URL, or the URL's own name.
 * What a person wrote is refused where it is unsafe; what comes from the URL is made safe, and
 * parts of the path of which nothing is left are dropped.
 *
 * @param template Null where the URL names the file.
 */
export function keyFor(
  template: Template | null,
  url: URL,
  timezone: string,
  render: Render,
): Parsed<string> {
  if (template === null) return keyOf(null, url);
  if (!template.fromUrl) return keyOf(render(template, timezone), url);
  const complaint = checkUrlParts(template, url);
  if (complaint !== null) return { problem: complaint };
  const marked = render(
    template,
    timezone,
    (part) => MARK + valueOf(part, url, template.hasServerName),
  );
  const segments = (isFolder(template) ? `${marked}/` : marked).split("/");
  const kept = segments.flatMap((segment, index) => {
    if (!segment.includes(MARK)) return [segment];
    const safe = safeSegment(trimEndOf(segment.replaceAll(MARK, ""), ". "));
    // Folders of git repositories are refused where a person writes them.
    if (safe !== null) return [reservedKey(safe, false, []) === null ? safe : `_${safe}`];
    return index === segments.length - 1 ? [NAMELESS] : [];
  });
  const name = kept.join("/");
  return keyOf(name === "" ? null : name, url);
}

/** Whether a name ends in `{path}`, which is always a folder. */
function isFolder({ parts }: Template): boolean {
  const [last, before = ""] = parts.filter((part) => part !== "").toReversed();
  return typeof last === "object" && "part" in last && last.part === "path" &&
    (typeof before !== "string" || before === "" || before.endsWith("/"));
}

/** What the URL lacks, or what of it must not be in a name. */
function checkUrlParts({ parts }: Template, url: URL): string | null {
  for (const part of parts) {
    if (typeof part === "string") {
      if (part.includes(MARK)) return "must not hold control characters";
      continue;
    }
    if (!("part" in part) || part.part !== "query") continue;
    const name = `the query parameter ${quote(part.parameter)}`;
    if (isSecretParameter(part.parameter)) {
      return `holds ${name}, which by its name is a secret`;
    }
    if (!url.searchParams.get(part.parameter)) {
      return `needs ${name}, which the URL does not have`;
    }
  }
  return null;
}

function valueOf({ part, parameter }: UrlPart, url: URL, named: boolean): string {
  const value = plainValueOf(part, parameter, url);
  // Only the one in the template is the server's name.
  return named ? value.replaceAll("{name}", "_name_") : value;
}

function plainValueOf(part: UrlPart["part"], parameter: string, url: URL): string {
  switch (part) {
    case "host":
      return url.host;
    case "path":
      return foldersOf(url).map(withinSegment).join(`/${MARK}`);
    case "stem":
      return splitName(nameFromUrl(url)).stem;
    case "ext":
      return splitName(nameFromUrl(url)).extension;
    case "query":
      return withinSegment(url.searchParams.get(parameter) ?? "");
    default:
      return part satisfies never;
  }
}

/** The path without the last segment, decoded; empty segments are dropped. */
function foldersOf(url: URL): string[] {
  return url.pathname.split("/").slice(1, -1).filter((segment) => segment !== "").map(
    decodePercent,
  );
}

/** A value that adds no segment, and no mark. */
function withinSegment(value: string): string {
  return value.replaceAll("/", "_").replaceAll(MARK, "_");
}

/** A name before and after its last dot; a dot in front makes no extension. */
function splitName(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf(".");
  return dot > 0
    ? { stem: name.slice(0, dot), extension: name.slice(dot + 1) }
    : { stem: name, extension: "" };
}

/**
 * Whether the name of a file depends on what `${env:NAME}` stands for in its URL: it is made of
 * two URLs with other values of the same form, and compared.
 *
 * @param written The URL as it is in the config.
 */
export function dependsOnSecret(
  written: string,
  template: Template | null,
  timezone: string,
  render: Render,
  host: Environment,
): boolean {
  if (!written.includes("${env:")) return false;
  const [first, second] = ["a1", "b2"].map((characters) => {
    const disguised = { env: (name: string) => disguise(host.env(name), characters) };
    const url = parseTemplate(substituteUrl(written, disguised).text, false).value;
    const parsed = url && parseUrl(render(url, timezone), written).value;
    if (!parsed) return null;
    // A server that gives no name leaves it to the URL.
    const fallback = template?.hasServerName ? nameFromUrl(parsed) : "";
    return `${fallback}\n${keyFor(template, parsed, timezone, render).value}`;
  });
  const dependsOnUrl = template === null || template.fromUrl || template.hasServerName ||
    template.parts.at(-1)?.toString().endsWith("/") === true;
  return dependsOnUrl && (first === null || first !== second);
}

/** Text of the same form: what delimits the parts of a URL stays. */
function disguise(value: string | undefined, [letter, digit]: Iterable<string> & string) {
  const [, scheme = "", rest = ""] = /^(https?:)?(.*)$/is.exec(value ?? "") ?? [];
  return value === undefined
    ? undefined
    : scheme + rest.replace(/\p{L}/gu, letter ?? "").replace(/\p{N}/gu, digit ?? "");
}

/**
 * The part that tells two URLs with one name apart, as a name for all tasks like them; null if
 * they are equal, or differ in what no name may hold.
 */
export function distinctName(url: URL, other: URL): string | null {
  for (const name of new Set([...url.searchParams.keys(), ...other.searchParams.keys()])) {
    const values = [url, other].map(({ searchParams }) => searchParams.get(name));
    const [value, another] = values;
    if (!value || !another || value === another || /[{}]/.test(name)) continue;
    if (!isSecretParameter(name)) return `{query.${name}}/`;
  }
  if (foldersOf(url).join("/") !== foldersOf(other).join("/")) return "{path}/";
  return url.host === other.host ? null : "{host}/";
}
