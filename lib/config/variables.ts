/** Environment variables, and `${env:NAME}` in URLs, headers and the state. */

import type { Host } from "../core/host.ts";
import { encodeForUrl } from "./secrets.ts";

/** The part of the host that provides environment variables. */
export type Environment = Pick<Host, "env">;

/** A text with its environment variables substituted. */
export interface Substitution {
  /** The result; unusable if there is a problem. */
  readonly text: string;
  /** The substituted values, all of them secrets. */
  readonly values: readonly string[];
  /** The rest of a sentence that begins with the path of the text; null without a problem. */
  readonly problem: string | null;
  /** Whether the problem is a variable without a value. */
  readonly missing: boolean;
}

/** `$${` is an escaped `${`; any other `${` must begin a variable. */
const REFERENCE = /\$\$\{|\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g;

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
    const value = variable(name, host);
    if (value === undefined) {
      missing ??= name;
      return "";
    }
    values.push(value);
    return encode(value, text.slice(0, offset), text.slice(offset + match.length));
  });
  const problem = unknown
    ? "contains ${; only ${env:NAME} is substituted, and $${ is an escaped ${"
    : missing !== null
    ? `needs the environment variable ${missing}, which is unset, empty or not readable`
    : null;
  return { text: filled, values, problem, missing: !unknown && missing !== null };
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
