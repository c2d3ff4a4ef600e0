/** An {@linkcode Output} for tests that records writes. */

import type { Output } from "../../lib/core/host.ts";

/** The recorded text and the controls of an output. */
export interface TestOutput {
  /** Everything written so far. */
  readonly text: string;
  /** The pieces, one a call of `write`. */
  readonly writes: readonly string[];
  /** What `isTerminal()` says; false at first. */
  terminal: boolean;
  /** What `columns()` says; 80 at first. */
  width: number;
  /** Takes `writes` more calls of `write`; then nobody reads any more, and text is lost. */
  closeAfter(writes: number): void;
}

/** Creates an open output that is no terminal. */
export function testOutput(): Output & TestOutput {
  const writes: string[] = [];
  let left = Infinity;
  const output: Output & TestOutput = {
    get text() {
      return writes.join("");
    },
    writes,
    terminal: false,
    width: 80,
    closeAfter(count) {
      left = count;
    },
    write(text) {
      if (left <= 0) return false;
      left--;
      writes.push(text);
      return true;
    },
    ready: () => null,
    end: () => Promise.resolve(true),
    isTerminal: () => output.terminal,
    columns: () => output.width,
  };
  return output;
}
