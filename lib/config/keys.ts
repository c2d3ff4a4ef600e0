/**
 * Keys of tasks: from `to`, from parts of the URL (`{host}/{path}/{stem}-{query.page}.{ext}`) and
 * from servers, safe on every file system.
 */

import filenamify from "filenamify";
import { reservedKey } from "../core/ownership.ts";
import { trimEndOf } from "../core/text.ts";
import { parseUrl } from "./checks.ts";
import { type Complaint, type Parsed, partsOf, quote, withGuess, withHint } from "./problem.ts";
import { isSecretParameter } from "./secrets.ts";
import { parseTemplate, type Render, type Template, type UrlPart } from "./template.ts";
import { type Environment, substituteUrlTemplate } from "./variables.ts";

/**
 * Maximum length of a file name in bytes. File systems allow 255; the rest is for the additions to
 * the names of drafts and older versions.
 */
const MAX_NAME_BYTES = 200;

/** Maximum length of a key in bytes, as in S3. */
const MAX_KEY_BYTES = 1_024;

/** Maximum length in bytes of an extension that is kept when a name is shortened, with its dot. */
const MAX_EXTENSION_BYTES = 20;

/** Maximum length in UTF-16 units of a name passed to filenamify; a longer one is shortened first. */
const MAX_RAW_NAME_LENGTH = 2_000;

/** Name of a file whose URL ends in `/`. */
export const NAMELESS = "index.html";

/** cronfetch's own names, also on file systems that ignore case. */
const RESERVED = /^\.cronfetch(?:-|$)/i;

/**
 * Names that are obviously safe, as nearly all are. Passing them to filenamify would take most of
 * the time to load 100,000 tasks.
 */
const PLAIN =
  /^(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$))[a-z0-9_](?:[a-z0-9_.-]{0,98}[a-z0-9_-])?$/i;

/** Precedes each value of a URL in a rendered name. No name may contain it. */
const MARK = "\u0001";

/**
 * Returns the key of a task: its template with the dates and the parts of the URL, or the name in
 * the URL. Unsafe literal text is a problem; text from the URL is made safe, and segments without
 * any safe character are dropped.
 *
 * @param template Null if the URL names the file.
 * @param fields The fields of a list's item, its `name` included.
 */
export function keyFor(
  template: Template | null,
  url: URL,
  timezone: string,
  render: Render,
  fields: Fields = {},
): Parsed<string> {
  if (template === null) return keyOf(null, url);
  if (!template.fromUrl) {
    const key = keyOf(render(template, timezone), url);
    return template.dated ? withoutGuess(key) : key;
  }
  const problem = checkUrlParts(template, url, fields);
  if (problem !== null) return { problem };
  const marked = render(
    template,
    timezone,
    (part) => MARK + valueOf(part, url, template.hasServerName, fields),
  );
  const segments = (isFolder(template) ? `${marked}/` : marked).split("/");
  const kept = segments.flatMap((segment, index) => {
    if (!segment.includes(MARK)) return [segment];
    const safe = safeSegment(trimEndOf(segment.replaceAll(MARK, ""), ". "));
    // A literal folder of a git repository is a problem; one from a URL is renamed.
    if (safe !== null) return [reservedKey(safe, false, []) === null ? safe : `_${safe}`];
    return index === segments.length - 1 ? [NAMELESS] : [];
  });
  const name = kept.join("/");
  return withoutGuess(keyOf(name === "" ? null : name, url));
}

/** Drops a suggestion that contains the values of placeholders instead of the placeholders. */
function withoutGuess(key: Parsed<string>): Parsed<string> {
  return key.problem === undefined ? key : { problem: partsOf(key.problem).message };
}

/**
 * Returns the key for a rendered `to`, or for the URL if `to` is null or a folder. An unsafe `to` is
 * a problem; an unsafe name from the URL is changed to be safe. The query is ignored.
 */
export function keyOf(to: string | null, url: URL): Parsed<string> {
  if (to === null) return { value: nameFromUrl(url) };
  const written = to.normalize("NFC");
  const problem = checkName(written.endsWith("/") ? written.slice(0, -1) : written);
  if (problem !== null) return { problem };
  const key = written.endsWith("/") ? written + nameFromUrl(url) : written;
  // A UTF-16 unit is at most three bytes of UTF-8.
  return key.length * 3 > MAX_KEY_BYTES && bytesOf(key) > MAX_KEY_BYTES
    ? { problem: `results in a key of more than ${MAX_KEY_BYTES} bytes` }
    : { value: key };
}

/**
 * Checks the name of a folder in the store.
 *
 * @returns Without a slash at its end; `""` for the root of the store.
 */
export function checkFolder(to: string): Parsed<string> {
  const written = to.normalize("NFC").replace(/\/$/, "");
  if (written === ".") return { value: "" };
  const problem = checkName(written);
  if (problem !== null) return { problem };
  const fault = reservedKey(written, false, []);
  return fault === null ? { value: written } : { problem: `may not be written: ${fault}` };
}

/**
 * Checks the length of a key with the prefix of its bucket.
 *
 * @param prefix Without a slash at its end; `""` for none.
 * @returns The problem, or null.
 */
export function checkPrefixedKey(prefix: string, key: string): string | null {
  const name = prefix === "" ? key : `${prefix}/${key}`;
  if (name.length * 3 <= MAX_KEY_BYTES || bytesOf(name) <= MAX_KEY_BYTES) return null;
  return `results in a key of more than ${MAX_KEY_BYTES} bytes, including the bucket's prefix`;
}

/**
 * Substitutes `{name}` in a key.
 *
 * @param key Key of a task with `namedByServer`.
 * @param name Name from the server. If it is null or has no safe character, the URL names the file.
 * @param url URL of the task, not of the response.
 */
export function keyWithName(key: string, name: string | null, url: string): string {
  const safe = (name === null ? null : safeName(name)) ?? nameFromUrl(new URL(url));
  const start = key.lastIndexOf("/") + 1;
  const segment = key.slice(start).replace("{name}", () => safe);
  return key.slice(0, start) + (safeSegment(segment) ?? NAMELESS);
}

/**
 * Makes a name from a server safe (RFC 6266, section 4.3): its last part, not a folder, a device or
 * a hidden file, at most 200 bytes.
 *
 * @returns Null if no safe character is left.
 */
export function safeName(name: string): string | null {
  const parts = name.replace(/%2f|%5c|\\/gi, "/").split("/");
  const last = parts.findLast((part) => part !== "") ?? "";
  return safeSegment(last.replace(/^[\s.]+/, ""));
}

/**
 * Makes one segment of the path of an archive member safe: not a device or a hidden file, at most 200
 * bytes.
 *
 * @returns Null if no safe character is left.
 */
export function safeMemberName(segment: string): string | null {
  return safeSegment(segment.replace(/^[\s.]+/, ""));
}

/** The last segment of a URL as a name, without the query. */
export function nameFromUrl(url: URL): string {
  const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  return safeSegment(decodePercent(last)) ?? NAMELESS;
}

/**
 * Returns the part of the URL that distinguishes two URLs with the same name, as a value of `to`;
 * null if they are equal or differ only in parts that no name may contain.
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

/**
 * Returns whether the key of a task depends on the value of a secret in its URL. Compares the keys
 * of two URLs with different values of the same form.
 *
 * @param written The URL as written in the config.
 */
export function dependsOnSecret(
  written: string,
  template: Template | null,
  timezone: string,
  render: Render,
  host: Environment,
): boolean {
  if (!written.includes("${env:") && !written.includes("${file:")) return false;
  const [first, second] = ["a1", "b2"].map((characters) => {
    const { file, placeholder } = host;
    const disguised: Environment = {
      env: (name) => disguise(host.env(name) || undefined, characters),
      ...(file && { file: (path) => disguisedSecret(file(path), characters) }),
      ...(placeholder && { placeholder: (...at) => disguise(placeholder(...at), characters) }),
    };
    const url = parseTemplate(substituteUrlTemplate(written, disguised).text, "url").value;
    const parsed = url && parseUrl(render(url, timezone), written).value;
    if (!parsed) return null;
    // Without a name from the server, the URL names the file.
    const fallback = template?.hasServerName ? nameFromUrl(parsed) : "";
    return `${fallback}\n${keyFor(template, parsed, timezone, render).value}`;
  });
  const dependsOnUrl = template === null || template.fromUrl || template.hasServerName ||
    template.parts.at(-1)?.toString().endsWith("/") === true;
  return dependsOnUrl && (first === null || first !== second);
}

function disguisedSecret(secret: Parsed<string>, characters: string): Parsed<string> {
  return secret.problem === undefined ? { value: disguise(secret.value, characters) } : secret;
}

/** Replaces letters and digits; delimiters of a URL are kept. */
function disguise<Value extends string | undefined>(
  value: Value,
  [letter, digit]: Iterable<string> & string,
): Value | string {
  if (value === undefined) return value;
  const [, scheme = "", rest = ""] = /^(https?:)?(.*)$/is.exec(value) ?? [];
  return scheme + rest.replace(/\p{L}/gu, letter ?? "").replace(/\p{N}/gu, digit ?? "");
}

/** Checks a key from the config. */
function checkName(path: string): Complaint | null {
  if (/^[/\\]|^[a-z]:(?:[/\\]|$)/i.test(path)) {
    return withHint("must be relative to the store", 'the folder is the "store" of the config');
  }
  if (path.includes("\\")) {
    return withGuess("must have / between its parts, not \\", path.replaceAll("\\", "/"));
  }
  for (const segment of path.split("/")) {
    if (segment === "" || segment === "." || segment === "..") {
      const guess = path.split("/").reduce<string[]>(
        (parts, part) =>
          part === ".."
            ? parts.slice(0, -1)
            : part === "" || part === "."
            ? parts
            : [...parts, part],
        [],
      ).join("/");
      const message = segment === ".."
        ? "must be a file inside the store, without .. in its path"
        : `must not contain ${segment === "" ? "an empty part" : ". as a part"}`;
      return withGuess(message, guess === "" ? null : guess);
    }
    if (RESERVED.test(segment)) {
      return `contains ${quote(segment)}, a name that cronfetch uses itself`;
    }
    const safe = safeSegment(segment);
    if (safe === segment) continue;
    return withGuess(
      `contains ${quote(segment)}, which is not a safe name on every system`,
      safe === null ? null : path.split("/").map((part) => safeSegment(part) ?? part).join("/"),
    );
  }
  return null;
}

/** Checks that the URL and the fields have the parts of a template, and that none is a secret. */
function checkUrlParts({ parts }: Template, url: URL, fields: Fields): string | null {
  for (const part of parts) {
    if (typeof part === "string") {
      if (part.includes(MARK)) return "must not contain control characters";
      continue;
    }
    if (!("part" in part)) continue;
    if (part.part === "field" && !fieldOf(fields, part.parameter)) {
      return `needs the field ${quote(part.parameter)}, which the item does not have`;
    }
    if (part.part !== "query") continue;
    const name = `the query parameter ${quote(part.parameter)}`;
    if (isSecretParameter(part.parameter)) {
      return `contains ${name}, which is a secret by its name`;
    }
    if (!url.searchParams.get(part.parameter)) {
      return `needs ${name}, which the URL does not have`;
    }
  }
  return null;
}

/** Whether a name ends in `{path}`, which is always a folder. */
function isFolder({ parts }: Template): boolean {
  const [last, before = ""] = parts.filter((part) => part !== "").toReversed();
  return typeof last === "object" && "part" in last && last.part === "path" &&
    (typeof before !== "string" || before === "" || before.endsWith("/"));
}

/** Texts for the placeholders of a list's item. */
type Fields = Readonly<Record<string, string>>;

function fieldOf(fields: Fields, name: string): string {
  return Object.hasOwn(fields, name) ? fields[name] ?? "" : "";
}

function valueOf({ part, parameter }: UrlPart, url: URL, named: boolean, fields: Fields): string {
  const value = plainValueOf(part, parameter, url, fields);
  // Only `{name}` in the template is replaced by the server's name.
  return named ? value.replaceAll("{name}", "_name_") : value;
}

function plainValueOf(
  part: UrlPart["part"],
  parameter: string,
  url: URL,
  fields: Fields,
): string {
  const name = withinSegment(fieldOf(fields, "name")) || nameFromUrl(url);
  switch (part) {
    case "host":
      return url.host;
    case "path":
      return foldersOf(url).map(withinSegment).join(`/${MARK}`);
    case "stem":
      return splitName(name).stem;
    case "ext":
      return splitName(name).extension;
    case "field":
      return withinSegment(fieldOf(fields, parameter));
    case "query":
      return withinSegment(url.searchParams.get(parameter) ?? "");
    default:
      return part satisfies never;
  }
}

/** The segments of the path except the last, decoded, without empty ones. */
function foldersOf(url: URL): string[] {
  return url.pathname.split("/").slice(1, -1).filter((segment) => segment !== "").map(
    decodePercent,
  );
}

/** A value without segments and marks. */
function withinSegment(value: string): string {
  return value.replaceAll("/", "_").replaceAll(MARK, "_");
}

/** Splits a name at its last dot; a leading dot does not begin an extension. */
function splitName(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf(".");
  return dot > 0
    ? { stem: name.slice(0, dot), extension: name.slice(dot + 1) }
    : { stem: name, extension: "" };
}

/** Decodes percent-encoded text; returns invalid text unchanged. */
function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Makes one segment of a key safe on every system; null if no safe character is left. */
function safeSegment(name: string): string | null {
  if (PLAIN.test(name)) return name;
  const trimmed = name.toWellFormed().trim();
  if (/^[.\s]*$/.test(trimmed)) return null;
  // filenamify takes quadratic time for long runs of dots or spaces, which a server may send.
  const bounded = trimmed.length > MAX_RAW_NAME_LENGTH ? shortenName(trimmed) : trimmed;
  const safe = filenamify(bounded, { replacement: "_", maxLength: Infinity });
  const short = shortenName(safe);
  return RESERVED.test(short) ? `_${short}` : short;
}

/** Cuts a name to its maximum length, keeping its extension. */
function shortenName(name: string): string {
  if (bytesOf(name) <= MAX_NAME_BYTES) return name;
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 ? name.slice(dot) : "";
  const kept = bytesOf(extension) <= MAX_EXTENSION_BYTES ? extension : "";
  const room = new Uint8Array(MAX_NAME_BYTES - bytesOf(kept));
  const { read } = encoder.encodeInto(name, room);
  return trimEndOf(name.slice(0, read), ". ") + kept;
}

const encoder = new TextEncoder();

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}
