/** Environment variables, and `${env:NAME}` in URLs and headers. */

import type { Host } from "../core/host.ts";
import { encodeForUrl } from "./secrets.ts";

/** The part of the host that is used here. */
export type Environment = Pick<Host, "env">;

/** Text with its environment variables filled in. */
export interface Substitution {
  /** What came out; of no use if something is missing. */
  readonly text: string;
  /** The values that were filled in, all of them secrets. */
  readonly values: readonly string[];
  /** What is wrong, as the rest of a sentence; null if nothing is. */
  readonly problem: string | null;
  /** Whether that is a variable without a value. */
  readonly missing: boolean;
}

/** `$${` stands for `${`; what follows another `${` must be a variable. */
const REFERENCE = /\$\$\{|\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g;

/** Value of an environment variable; undefined where it is not set, empty, or may not be read. */
export function variable(name: string, host: Environment): string | undefined {
  try {
    return host.env(name) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/**
 * Fills in `${env:NAME}`; `$${` stands for `${`.
 *
 * @param prepare Makes a value fit for its place, given the text before and after it.
 */
export function substitute(
  text: string,
  host: Environment,
  prepare: (value: string, before: string, after: string) => string = (value) => value,
): Substitution {
  if (!text.includes("${")) return { text, values: [], problem: null, missing: false };
  const values: string[] = [];
  let missing: string | null = null;
  let unknown = false;
  const filled = text.replace(REFERENCE, (match, name: string | undefined, offset: number) => {
    if (match === "$${") return prepare("${", "", "");
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
    return prepare(value, text.slice(0, offset), text.slice(offset + match.length));
  });
  const complaint = unknown
    ? "holds ${; only ${env:NAME} is filled in, and $${ stands for ${"
    : missing !== null
    ? `needs the environment variable ${missing}, which is not set, empty, or may not be read`
    : null;
  return { text: filled, values, problem: complaint, missing: !unknown && missing !== null };
}

/**
 * Fills in `${env:NAME}` in a URL, and gives a template of `template.ts`.
 *
 * A value goes in as it is, so that it may be a whole base URL, a path or an
 * encoded token, with two exceptions. In the userinfo it is percent-encoded,
 * or a `/` in a password would make another host of what stands before it.
 * And what a URL cannot hold, white space and (but at its beginning) `#`, is
 * percent-encoded, or the rest of the URL would be lost.
 */
export function substituteUrl(text: string, host: Environment): Substitution {
  return substitute(text, host, (value, before, after) => {
    const fitting = inUserinfo(before, after)
      ? encodeURIComponent(value)
      : encodeForUrl(value, before === "");
    return fitting.replaceAll("{", "{{").replaceAll("}", "}}");
  });
}

function inUserinfo(before: string, after: string): boolean {
  return /^[^/?#]*:\/\/[^/?#]*$/.test(before) && /^[^/?#]*@/.test(after);
}
