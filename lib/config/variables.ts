/**
 * Environment variables and secret files: `${env:NAME}` and `${file:PATH}` in URLs, headers and the
 * state. Commands that send no request have placeholders for secrets without a value, and show them
 * as written.
 */

import type { Host } from "../core/host.ts";
import { encodeForUrl } from "./encodings.ts";
import { type Complaint, type Parsed, prefixed, quote, withGuess, withHint } from "./problem.ts";
import { reasonOf } from "./source/source.ts";

/** The part of the host that provides secrets. */
export interface Environment extends Pick<Host, "env"> {
  /** Reads the file of a secret; see {@linkcode readSecretFile}. Without it, there are none. */
  readonly file?: (written: string) => Parsed<string>;
  /** What replaces a secret without a value. Without it, such a secret is a problem. */
  readonly placeholder?: typeof placeholderOf;
}

/** A text with its secrets substituted. */
export interface Substitution {
  /** The result; unusable if there is a problem. */
  readonly text: string;
  /** The substituted values, all of them secrets. */
  readonly values: readonly string[];
  /** The rest of a sentence that begins with the path of the text; null without a problem. */
  readonly problem: Complaint | null;
  /** Whether the problem is a secret without a value. */
  readonly missing: boolean;
}

/** `$${` is an escaped `${`; any other `${` must begin a variable or a file. */
const REFERENCE = /\$\$\{|\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}|\$\{file:([^{}\r\n]+)\}|\$\{/g;

/** A file in a text, whose path may contain delimiters of a URL. */
const FILE_REFERENCE = /\$\{file:[^{}\r\n]+\}/g;

/**
 * Variables as shells, Windows, templates and documentation write them: `$TOKEN`, `%TOKEN%`,
 * `{{token}}`, `<token>`, `YOUR_TOKEN`; but not a query's `$filter=`, nor `%AB%CD`.
 */
const FOREIGN_VARIABLE =
  /\$([A-Z_]\w{1,60})(=?)|%(\w{2,60})%|\{\{ ?([\w.]{1,60}) ?\}\}|<([A-Za-z][\w -]{1,60})>|\b(YOUR[-_][\w-]{1,60})/g;

/**
 * Suggests `${env:NAME}` for each part of a text that other programs would read as a variable.
 *
 * @returns Null if there is no such part.
 */
export function suggestVariables(text: string): string | null {
  const suggestion = text.replaceAll(FOREIGN_VARIABLE, (...match: (string | undefined)[]) => {
    const [whole = "", shell, equals, windows, template, angle, yours] = match;
    const isParameter = shell !== undefined && (equals !== "" || shell !== shell.toUpperCase());
    const isEscape = windows !== undefined &&
      (/^[0-9A-F]{2}/i.test(windows) || windows !== windows.toUpperCase());
    if (isParameter || isEscape) return whole;
    const name = (shell ?? windows ?? template ?? angle ?? yours ?? "")
      .replace(/^(?:env|secrets|vars)\./i, "").replace(/^your[-_ ]/i, "");
    return `\${env:${name.replaceAll(/\W/g, "_").toUpperCase()}}`;
  });
  return suggestion === text ? null : suggestion;
}

/** Why a variable has no value, and what to do. */
function missingVariable(name: string, host: Environment): Complaint {
  const needs = `needs the environment variable ${name}, which`;
  try {
    return host.env(name) === undefined
      ? withHint(`${needs} is not set`, `set it, for example: export ${name}=…`)
      : withHint(`${needs} is empty`, `set it to its value: export ${name}=…`);
  } catch {
    return withHint(`${needs} Deno may not read`, `add the permission --allow-env=${name}`);
  }
}

/** Returns an environment variable; undefined if it is unset, empty or not readable. */
export function variable(name: string, host: Environment): string | undefined {
  try {
    return host.env(name) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** Maximum size of a secret file. */
const MAX_SECRET_BYTES = 64 * 1024;

/**
 * Reads the file of a secret: text in UTF-8 of at most 64 KiB, without one line end at its end. It
 * is read synchronously, since the text of a config shows which files are needed only when each
 * value is validated.
 *
 * @param path An absolute path.
 * @returns The secret, or why there is none.
 */
export function readSecretFile(path: string): Parsed<string> {
  const { value, problem } = readText(path);
  return value === undefined
    ? { problem: prefixed(`needs the file ${quote(path)}, which `, problem) }
    : { value };
}

function readText(path: string): Parsed<string> {
  try {
    // Opening a pipe would wait for its writer.
    if (!Deno.statSync(path).isFile) return { problem: "is not a file" };
    using file = Deno.openSync(path);
    const buffer = new Uint8Array(MAX_SECRET_BYTES + 1);
    let length = 0;
    for (let read = 0; length < buffer.length; length += read) {
      read = file.readSync(buffer.subarray(length)) ?? 0;
      if (read === 0) break;
    }
    if (length > MAX_SECRET_BYTES) return { problem: "is larger than 64 KiB" };
    const text = new TextDecoder("utf-8", { fatal: true }).decode(buffer.subarray(0, length));
    const value = text.replace(/\r?\n$/, "");
    return value === "" ? { problem: "is empty" } : { value };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { problem: withHint("does not exist", "relative paths start at the config's folder") };
    }
    if (error instanceof Deno.errors.NotCapable) {
      const hint = `add the permission --allow-read=${path}`;
      return { problem: withHint("Deno may not read", hint) };
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      return { problem: "the user of this process may not read" };
    }
    if (error instanceof TypeError) return { problem: "is not text in UTF-8" };
    return { problem: `cannot be read: ${reasonOf(error)}` };
  }
}

/**
 * Substitutes `${env:NAME}` and `${file:PATH}`; `$${` is an escaped `${`.
 *
 * @param encode Encodes a value, given the text before and after it.
 */
export function substitute(
  text: string,
  host: Environment,
  encode: (value: string, before: string, after: string) => string = (value) => value,
): Substitution {
  if (!text.includes("${")) return { text, values: [], problem: null, missing: false };
  const values: string[] = [];
  let missing: Complaint | null = null;
  let unknown = false;
  // A slash in the path of a file does not end the authority of a URL.
  const masked = text.replaceAll(FILE_REFERENCE, (reference) => "_".repeat(reference.length));
  const filled = text.replace(
    REFERENCE,
    (match, name: string | undefined, path: string | undefined, offset: number) => {
      if (match === "$${") return encode("${", "", "");
      if (name === undefined && path === undefined) {
        unknown = true;
        return match;
      }
      const [before, after] = [masked.slice(0, offset), masked.slice(offset + match.length)];
      const secret = readSecret(name ?? null, path ?? "", host);
      if (secret.problem !== undefined) {
        if (host.placeholder) return host.placeholder(name ?? `file:${path}`, before, after);
        missing ??= secret.problem;
        return "";
      }
      values.push(secret.value);
      return encode(secret.value, before, after);
    },
  );
  const problem = unknown
    ? withGuess(
      "contains ${; only ${env:NAME} and ${file:PATH} are substituted, and $${ is an escaped ${",
      guessReferences(text),
    )
    : missing;
  return { text: filled, values, problem, missing: !unknown && missing !== null };
}

/** Reads a variable, or a file if `name` is null. */
function readSecret(name: string | null, path: string, host: Environment): Parsed<string> {
  if (name !== null) {
    const value = variable(name, host);
    return value === undefined ? { problem: missingVariable(name, host) } : { value };
  }
  return host.file?.(path) ?? { problem: "needs a file, which cannot be read here" };
}

/** The text with `${NAME}` as `${env:NAME}`; null if another `${` is left. */
function guessReferences(text: string): string | null {
  const guess = text.replaceAll(
    /\$\{(?:env[.:]|secrets\.)?([A-Za-z_]\w{0,60})\}/g,
    (_reference, name: string) => `\${env:${name}}`,
  );
  const isOpen = guess.replaceAll(FILE_REFERENCE, "").replaceAll("${env:", "").includes("${");
  return guess === text || isOpen ? null : guess;
}

/**
 * Substitutes `${env:NAME}` and `${file:PATH}` in a URL.
 *
 * A value is inserted unchanged, so that it can be a base URL, a path or an encoded token, with two
 * exceptions: in the userinfo it is percent-encoded, because a `/` in a password would end the
 * authority; and spaces and, except at the beginning of the URL, `#` are percent-encoded, because
 * they would truncate it.
 */
export function substituteUrl(text: string, host: Environment): Substitution {
  return substitute(text, host, encodeValue);
}

/** Like {@linkcode substituteUrl}, for a URL that is the source of a template. */
export function substituteUrlTemplate(text: string, host: Environment): Substitution {
  return substitute(
    text,
    host,
    (...value) => encodeValue(...value).replaceAll("{", "{{").replaceAll("}", "}}"),
  );
}

/** Encodes a value for its place in a URL. */
function encodeValue(value: string, before: string, after: string): string {
  return inUserinfo(before, after) ? encodeURIComponent(value) : encodeForUrl(value, before === "");
}

function inUserinfo(before: string, after: string): boolean {
  return /^[^/?#]*:\/\/[^/?#]*$/.test(before) && /^[^/?#]*@/.test(after);
}

/**
 * Returns a placeholder that is valid at its place in a URL or a header. It consists of characters
 * that no encoding changes. A port cannot be a placeholder, and is left out.
 *
 * @param name Name of a variable, or `file:` and a path.
 * @param before The text before it. At the beginning of a URL it is an origin.
 */
export function placeholderOf(name: string, before: string, after: string): string {
  if (before === "") return `https://unset-url-${encodeHex(name)}-`;
  const isPort = /^[^/?#]*:\/\/[^/?#]*:$/.test(before) && !/^[^/?#]*@/.test(after);
  return isPort ? "" : `unset-secret-${encodeHex(name)}-`;
}

const PLACEHOLDER = /https:\/\/unset-url-([0-9a-f]+)-|unset-secret-([0-9a-f]+)-/g;
/** The same without groups, which `split` would return. */
const PLACEHOLDER_IN_TEXT = /(?:https:\/\/unset-url|unset-secret)-[0-9a-f]+-/;

function encodeHex(name: string): string {
  return new TextEncoder().encode(name).toHex();
}

function decodeHex(hex: string): string {
  // An odd digit is part of a foreign text.
  return new TextDecoder().decode(Uint8Array.fromHex(hex.slice(0, hex.length & ~1)));
}

/** Returns whether a text contains a placeholder. */
export function hasPlaceholder(text: string): boolean {
  return text.includes("unset-") && text.search(PLACEHOLDER) >= 0;
}

/** Replaces the text around placeholders by a mask, and the whole text if there is none. */
export function maskAround(text: string, mask: string): string {
  const placeholders = text.match(PLACEHOLDER);
  if (placeholders === null) return mask;
  const [first = "", ...others] = text.split(PLACEHOLDER_IN_TEXT).map((piece) => piece && mask);
  return first + others.map((piece, index) => `${placeholders[index]}${piece}`).join("");
}

/** Replaces each placeholder by `${env:NAME}` or `${file:PATH}`. */
export function showPlaceholders(text: string): string {
  if (!text.includes("unset-")) return text;
  return text.replace(
    PLACEHOLDER,
    (_placeholder, url?: string, secret?: string) => {
      const name = decodeHex(url ?? secret ?? "");
      return name.startsWith("file:") ? `\${${name}}` : `\${env:${name}}`;
    },
  );
}
