/**
 * Environment variables, and `${env:NAME}` in URLs, headers and the state. Commands that send no
 * request have placeholders for variables without a value, and show them as `${env:NAME}`.
 */

import type { Host } from "../core/host.ts";
import { encodeForUrl } from "./encodings.ts";
import { type Complaint, withGuess, withHint } from "./problem.ts";

/** The part of the host that provides environment variables. */
export interface Environment extends Pick<Host, "env"> {
  /** What replaces a variable without a value. Without it, such a variable is a problem. */
  readonly placeholder?: typeof placeholderOf;
}

/** A text with its environment variables substituted. */
export interface Substitution {
  /** The result; unusable if there is a problem. */
  readonly text: string;
  /** The substituted values, all of them secrets. */
  readonly values: readonly string[];
  /** The rest of a sentence that begins with the path of the text; null without a problem. */
  readonly problem: Complaint | null;
  /** Whether the problem is a variable without a value. */
  readonly missing: boolean;
}

/** `$${` is an escaped `${`; any other `${` must begin a variable. */
const REFERENCE = /\$\$\{|\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g;

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

/**
 * Substitutes `${env:NAME}`; `$${` is an escaped `${`.
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
  let missing: string | null = null;
  let unknown = false;
  const filled = text.replace(REFERENCE, (match, name: string | undefined, offset: number) => {
    if (match === "$${") return encode("${", "", "");
    if (name === undefined) {
      unknown = true;
      return match;
    }
    const [before, after] = [text.slice(0, offset), text.slice(offset + match.length)];
    const value = variable(name, host);
    if (value === undefined) {
      if (host.placeholder) return host.placeholder(name, before, after);
      missing ??= name;
      return "";
    }
    values.push(value);
    return encode(value, before, after);
  });
  const problem = unknown
    ? withGuess(
      "contains ${; only ${env:NAME} is substituted, and $${ is an escaped ${",
      guessReferences(text),
    )
    : missing !== null
    ? missingVariable(missing, host)
    : null;
  return { text: filled, values, problem, missing: !unknown && missing !== null };
}

/** The text with `${NAME}` as `${env:NAME}`; null if another `${` is left. */
function guessReferences(text: string): string | null {
  const guess = text.replaceAll(
    /\$\{(?:env[.:]|secrets\.)?([A-Za-z_]\w{0,60})\}/g,
    (_reference, name: string) => `\${env:${name}}`,
  );
  return guess === text || guess.replaceAll("${env:", "").includes("${") ? null : guess;
}

/**
 * Substitutes `${env:NAME}` in a URL.
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

/** Replaces each placeholder by `${env:NAME}`. */
export function showPlaceholders(text: string): string {
  if (!text.includes("unset-")) return text;
  return text.replace(
    PLACEHOLDER,
    (_placeholder, url?: string, secret?: string) => `\${env:${decodeHex(url ?? secret ?? "")}}`,
  );
}
