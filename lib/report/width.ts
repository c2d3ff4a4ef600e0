/** How many columns of a terminal a text takes. */

/** East Asian Wide and Fullwidth characters (UAX 11), in order. */
const WIDE_RANGES: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f], // Hangul initials
  [0x2e80, 0x303e], // CJK radicals and punctuation
  [0x3041, 0xa4cf], // Kana, CJK ideographs, Yi
  [0xa960, 0xa97c], // Hangul initials, extended
  [0xac00, 0xd7a3], // Hangul syllables
  [0xf900, 0xfaff], // CJK compatibility ideographs
  [0xfe10, 0xfe19], // vertical forms
  [0xfe30, 0xfe6f], // CJK compatibility and small forms
  [0xff01, 0xff60], // full-width ASCII
  [0xffe0, 0xffe6], // full-width signs
  [0x16fe0, 0x18dff], // Tangut, Khitan
  [0x1aff0, 0x1b2ff], // Kana, Nushu
  [0x1f200, 0x1f265], // enclosed ideographs
  [0x20000, 0x3fffd], // CJK ideographs, supplementary
];

/** What is drawn as a picture, two columns wide, by default. */
const PICTURE = /\p{Emoji_Presentation}/u;

/**
 * Marks drawn over the character before them. The selector that turns a
 * character into a picture (U+FE0F) is counted as one column instead, because
 * it is what makes its character wide.
 */
const ZERO_WIDTH = /[[\p{Mn}\p{Me}\u1160-\u11ff\u200b-\u200d\u2060]--[\ufe0f]]/v;

/** Printable ASCII, the case that need not be looked up. */
const NARROW = /^[\x20-\x7e]*$/;

/**
 * Columns a text takes in a terminal. Sequences that some terminals join into
 * one picture count as their parts: rather too wide than a line too long.
 *
 * @param text One line, without control characters.
 * @returns A whole number of columns.
 */
export function displayWidth(text: string): number {
  if (NARROW.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += characterWidth(character);
  return columns;
}

/**
 * Cuts a text to a width, with `…` in place of what was cut.
 *
 * @param text One line, without control characters.
 * @param columns The width to keep within; at least 1.
 * @returns The text, or its beginning and `…`.
 */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let kept = "";
  let free = columns - 1;
  for (const character of text) {
    free -= characterWidth(character);
    if (free < 0) break;
    kept += character;
  }
  return kept + "…";
}

function characterWidth(character: string): number {
  if (ZERO_WIDTH.test(character)) return 0;
  const codePoint = character.codePointAt(0) ?? 0;
  const wide = WIDE_RANGES.some(([first, last]) => first <= codePoint && codePoint <= last);
  return wide || PICTURE.test(character) ? 2 : 1;
}
