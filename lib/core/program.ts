/** Programs that a config names: what they inherit, and what they report. */

import { cutServerText } from "./text.ts";

/** Variables that programs need to start, of this process. */
const INHERITED = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "SystemRoot", "PATHEXT"] as const;

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

/** Bytes of standard error that a message may quote. */
const QUOTED_BYTES = 2_000;

/** Collects the beginning of a program's standard error. */
export interface ErrorQuote {
  /** Adds a piece. */
  readonly add: (piece: Uint8Array<ArrayBuffer>) => void;
  /** The last collected line as `: text`; empty without one. */
  readonly text: () => string;
}

/**
 * Creates a quote of standard error.
 *
 * @param redact Removes secrets from a text.
 */
export function createErrorQuote(redact: (text: string) => string): ErrorQuote {
  const decoder = new TextDecoder();
  let text = "";
  let left = QUOTED_BYTES;
  return {
    add: (piece) => {
      text += decoder.decode(piece.subarray(0, left), { stream: true });
      left -= Math.min(left, piece.length);
    },
    text: () => {
      const line = cutServerText(redact(text).trim().split("\n").at(-1) ?? "");
      return line === "" ? "" : `: ${line}`;
    },
  };
}
