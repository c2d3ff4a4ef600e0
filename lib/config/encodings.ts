/** Finds text however it is encoded: percent-encoding, JSON and HTML escapes, several times over. Pure. */

/** A text at one level of decoding, for a search that ignores case and how blanks are written. */
export interface Level {
  /** Lower case, and `+` as a blank. */
  readonly folded: string;
  /** The range of the original text from which a range of `folded` was decoded. */
  range(start: number, end: number): readonly [start: number, end: number];
}

/** Encodings over each other that are undone. Each level takes time linear in the text. */
const MOST_LEVELS = 5;

/** One escape, or several percent-encoded bytes in a row. */
const ENCODED =
  /(?:%[0-9a-f]{2})+|&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-f]{1,6});|\\(?:u[0-9a-f]{4}|x[0-9a-f]{2}|["'\\/bfnrt])/gi;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};
const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** A text and where its characters come from; null for the original text. */
interface Decoded {
  readonly text: string;
  readonly origins: readonly (readonly [start: number, end: number])[] | null;
}

/**
 * Yields a text as it is, then decoded once, twice, and so on until nothing is encoded. At every
 * level, what cannot be decoded stays.
 */
export function* levelsOf(text: string): Generator<Level> {
  let decoded: Decoded = { text, origins: null };
  for (let level = 0; level < MOST_LEVELS; level++) {
    yield levelOf(decoded);
    const next = decodeOnce(decoded);
    if (next === null) return;
    decoded = next;
  }
  yield levelOf(decoded);
}

function levelOf({ text, origins }: Decoded): Level {
  return {
    folded: folded(text),
    range: (start, end) =>
      origins === null ? [start, end] : [origins[start]?.[0] ?? 0, origins[end - 1]?.[1] ?? 0],
  };
}

/** Folds a text without changing its length. */
function folded(text: string): string {
  const lower = text.toLowerCase();
  const same = lower.length === text.length
    ? lower
    : text.replace(/./gsu, (one) =>
      one.toLowerCase().length === one.length ? one.toLowerCase() : one);
  return same.replaceAll("+", " ");
}

/** Undoes one level; null if nothing is encoded. */
function decodeOnce({ text, origins }: Decoded): Decoded | null {
  let decoded = "";
  let last = 0;
  const made: (readonly [number, number])[] = [];
  const keep = (end: number) => {
    for (let at = last; at < end; at++) made.push(origins?.[at] ?? [at, at + 1]);
    decoded += text.slice(last, end);
  };
  for (const { 0: token, index } of text.matchAll(ENCODED)) {
    keep(index);
    for (const [value, offset, length] of piecesOf(token)) {
      const [start, end] = [index + offset, index + offset + length];
      const origin = [origins?.[start]?.[0] ?? start, origins?.[end - 1]?.[1] ?? end] as const;
      // A character outside of the basic plane is two units.
      for (let unit = 0; unit < value.length; unit++) made.push(origin);
      decoded += value;
    }
    last = index + token.length;
  }
  if (last === 0) return null;
  keep(text.length);
  return { text: decoded, origins: made };
}

type Piece = readonly [value: string, offset: number, length: number];

function piecesOf(token: string): readonly Piece[] {
  if (token.startsWith("%")) return percentDecoded(token);
  return [[token.startsWith("&") ? entity(token.slice(1, -1)) : escaped(token), 0, token.length]];
}

function entity(name: string): string {
  const lower = name.toLowerCase();
  if (!lower.startsWith("#")) return ENTITIES[lower] ?? "";
  const isHex = lower.startsWith("#x");
  return character(parseInt(lower.slice(isHex ? 2 : 1), isHex ? 16 : 10));
}

function escaped(token: string): string {
  const kind = token.charAt(1);
  if (token.length > 2) return String.fromCharCode(parseInt(token.slice(2), 16));
  return ESCAPES[kind.toLowerCase()] ?? kind;
}

function character(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
}

/** Bytes of UTF-8 as characters; a byte that is none of it counts as Latin-1. */
function percentDecoded(token: string): readonly Piece[] {
  const bytes = Uint8Array.fromHex(token.replaceAll("%", ""));
  const pieces: Piece[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    const value = utf8(bytes.subarray(at, at + length));
    const taken = value === null ? 1 : length;
    pieces.push([value ?? String.fromCharCode(first), 3 * at, 3 * taken]);
    at += taken;
  }
  return pieces;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array<ArrayBuffer>): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}
