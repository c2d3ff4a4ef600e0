/**
 * Decoding of nested percent-encoding, JSON and HTML escapes, to find text in all its encodings; and
 * the encoding of values for URLs. Pure.
 */

/** A text at one level of decoding, for a search that ignores case and the encoding of spaces. */
export interface Level {
  /** In lower case, with `+` as a space. */
  readonly folded: string;
  /** Returns the range of the original text that a range of `folded` was decoded from. */
  range(start: number, end: number): readonly [start: number, end: number];
}

/** Maximum number of nested encodings. Each level takes time linear in the text. */
const MAX_LEVELS = 5;

/** One escape, or consecutive percent-encoded bytes. */
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

/** A text and the ranges its characters were decoded from; null for the original text. */
interface Decoded {
  readonly text: string;
  readonly origins: readonly (readonly [start: number, end: number])[] | null;
}

/**
 * Yields a text, then decoded once, twice, and so on until it contains no encoding. Invalid
 * sequences are kept at every level.
 */
export function* levelsOf(text: string): Generator<Level> {
  let decoded: Decoded = { text, origins: null };
  for (let level = 0; level < MAX_LEVELS; level++) {
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

/** Decodes one level; null if the text contains no encoding. */
function decodeOnce({ text, origins }: Decoded): Decoded | null {
  let decoded = "";
  let last = 0;
  const ranges: (readonly [number, number])[] = [];
  const keep = (end: number) => {
    for (let at = last; at < end; at++) ranges.push(origins?.[at] ?? [at, at + 1]);
    decoded += text.slice(last, end);
  };
  for (const { 0: token, index } of text.matchAll(ENCODED)) {
    keep(index);
    for (const [value, offset, length] of piecesOf(token)) {
      const [start, end] = [index + offset, index + offset + length];
      const origin = [origins?.[start]?.[0] ?? start, origins?.[end - 1]?.[1] ?? end] as const;
      // A character outside the basic plane is two units.
      for (let unit = 0; unit < value.length; unit++) ranges.push(origin);
      decoded += value;
    }
    last = index + token.length;
  }
  if (last === 0) return null;
  keep(text.length);
  return { text: decoded, origins: ranges };
}

type DecodedPiece = readonly [value: string, offset: number, length: number];

function piecesOf(token: string): readonly DecodedPiece[] {
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

/** Decodes bytes as UTF-8; an invalid byte is decoded as Latin-1. */
function percentDecoded(token: string): readonly DecodedPiece[] {
  const bytes = Uint8Array.fromHex(token.replaceAll("%", ""));
  const pieces: DecodedPiece[] = [];
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

/**
 * Encodes a value for a URL, of which it may be the path or the query: only characters that would
 * truncate the URL are percent-encoded.
 *
 * @param isBeginning Whether the value begins the URL, and so may contain its fragment.
 */
export function encodeForUrl(value: string, isBeginning: boolean): string {
  return value.replace(isBeginning ? / /g : /[ #]/g, encodeURIComponent);
}
