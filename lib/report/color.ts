/** Colour: whether it is wanted, and how it is put on. */

/** What a colour says. Words always say the same; colour only helps the eye. */
export type Style = "good" | "warning" | "bad" | "faint" | "strong";

/** Puts a style on a text, or leaves it alone. */
export type Paint = (style: Style, text: string) => string;

/** The attributes that turn a style on and off (ECMA-48, section 8.3.117, SGR). */
const ATTRIBUTES = {
  good: [32, 39],
  warning: [33, 39],
  bad: [31, 39],
  faint: [2, 22],
  strong: [1, 22],
} as const satisfies Record<Style, readonly [on: number, off: number]>;

/**
 * Whether to write in colour, by the conventions of no-color.org and
 * force-color.org; the first of them wins.
 *
 * @param env Looks up an environment variable.
 * @param isTerminal Whether a person looks at the output.
 */
export function colorWanted(
  env: (name: string) => string | undefined,
  isTerminal: boolean,
): boolean {
  if (isSet(env("NO_COLOR"))) return false;
  if (isSet(env("FORCE_COLOR"))) return true;
  return isTerminal && env("TERM") !== "dumb";
}

/** Makes what puts styles on texts, or leaves all texts alone if `color` is false. */
export function painter(color: boolean): Paint {
  if (!color) return (_style, text) => text;
  return (style, text) => {
    const [on, off] = ATTRIBUTES[style];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  };
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}
