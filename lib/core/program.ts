/** Programs that a config names: what they inherit, and what they report. */

import { cutServerText } from "./text.ts";

/** Variables that programs need to start, of this process. */
export const INHERITED = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "SystemRoot", "PATHEXT"] as const;

/**
 * The environment of a program, without those of the variables of this process that may be secrets.
 *
 * @param read Reads a variable of this process; undefined if it is not set.
 * @param own Variables that the program gets besides.
 */
export function programEnvironment(
  read: (name: string) => string | undefined,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => {
    const value = read(name);
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(inherited), ...own };
}

/** Characters at the end of standard error that are kept for a message. */
const KEPT_CHARACTERS = 2_000;

/** Collects the end of a program's standard error, where programs explain why they failed. */
export interface ErrorQuote {
  /** Adds a piece. */
  readonly add: (piece: Uint8Array<ArrayBuffer>) => void;
  /** The last line as `: text`; empty without one. */
  readonly text: () => string;
}

/**
 * Creates a quote of standard error.
 *
 * @param redact Removes secrets from a text.
 */
export function createErrorQuote(redact: (text: string) => string): ErrorQuote {
  const decoder = new TextDecoder();
  let kept = "";
  let isCut = false;
  return {
    add: (piece) => {
      kept += decoder.decode(piece, { stream: true });
      isCut ||= kept.length > KEPT_CHARACTERS;
      kept = kept.slice(-KEPT_CHARACTERS);
    },
    text: () => {
      // Half of a secret at the cut would not be recognized.
      const whole = isCut ? kept.slice(kept.search(/\s/) + 1) : kept;
      const line = cutServerText(redact(whole).trim().split("\n").at(-1) ?? "");
      return line === "" ? "" : `: ${line}`;
    },
  };
}
