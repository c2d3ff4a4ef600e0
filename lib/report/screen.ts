/** Drawing on a terminal, again and again in one place. */

import type { Output } from "../core/host.ts";
import { displayWidth } from "./width.ts";

/** A part of a terminal that is drawn again and again, with lines above it that stay. */
export interface Screen {
  /**
   * Writes lines that stay, and the picture below them; one write, or none where
   * nothing changed. The cursor is left below the picture.
   *
   * @param lasting Lines that stay. They may be longer than the terminal is wide.
   * @param picture Lines that the next call replaces. They must fit.
   * @returns False once nobody reads any more.
   */
  draw(lasting: readonly string[], picture: readonly string[]): boolean;
}

/** CSI sequences: ED of ECMA-48, section 8.3.39, and DEC's private mode 7. */
const ERASE_BELOW = "\x1b[J";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/**
 * A screen on a terminal. Between two calls the terminal is as it was found:
 * the cursor shown at the start of a line, wrapping on. So a process that is
 * killed leaves nothing to repair.
 *
 * @param output The terminal.
 */
export function screen(output: Output): Screen {
  let drawn: readonly string[] = [];
  return {
    draw: (lasting, picture) => {
      const same = picture.length === drawn.length &&
        picture.every((line, index) => line === drawn[index]);
      if (same && lasting.length === 0) return true;
      // A terminal that became narrower has broken the lines drawn before.
      const columns = Math.max(1, output.columns());
      const rows = drawn.reduce(
        (sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)),
        0,
      );
      drawn = picture;
      const erase = rows === 0 ? "" : `\x1b[${rows}A${ERASE_BELOW}`;
      const view = picture.length === 0 ? "" : WRAP_OFF + asText(picture) + WRAP_ON;
      return output.write(erase + asText(lasting) + view);
    },
  };
}

function asText(lines: readonly string[]): string {
  return lines.map((line) => line + "\n").join("");
}
