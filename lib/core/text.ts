/** Functions over text. Pure. */

/** Longest excerpt of a server's text in a message, in UTF-16 units. */
export const MAX_SERVER_TEXT = 200;

/** Replaces the cut part of a text. */
const CUT_MARK = "…";

/**
 * A server's text for a message: at most 200 characters, the rest replaced by `…`. Cut between words if
 * possible, because redaction would not recognize half of a secret.
 */
export function cutServerText(text: string): string {
  if (text.length <= MAX_SERVER_TEXT) return text;
  const head = text.slice(0, MAX_SERVER_TEXT);
  const isWhole = SEPARATOR.test(text.charAt(MAX_SERVER_TEXT));
  const end = isWhole ? head.length : lastSeparator(head) + 1;
  return (end === 0 ? head : head.slice(0, end)).toWellFormed() + CUT_MARK;
}

/** {@linkcode cutServerText}, quoted and escaped as a JSON string. */
export function quoteServerText(text: string): string {
  return JSON.stringify(cutServerText(text));
}

/** The text with a capital first letter. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Removes all trailing characters of `characters`. A `+$` expression would be quadratic. */
export function trimEndOf(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** Separates the words of a header or an error body. */
const SEPARATOR = /[\s"'<>(),;:?&=/]/;

function lastSeparator(text: string): number {
  let at = text.length - 1;
  while (at >= 0 && !SEPARATOR.test(text.charAt(at))) at--;
  return at;
}

/** A file or standard input. */
export interface ByteReader {
  /** Reads into `buffer`. Returns the number of bytes, or null at the end. */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null>;
}

const READ_BYTES = 64 * 1024;

/**
 * Decodes all bytes of a source as UTF-8. Reading stops at the limit. A file's stream would take
 * longer to load than most configs to read.
 *
 * @returns Null if it has more than `maxBytes` bytes.
 */
export async function readTextAtMost(source: ByteReader, maxBytes: number): Promise<string | null> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(READ_BYTES);
  const texts: string[] = [];
  let bytes = 0;
  for (;;) {
    const read = await source.read(buffer);
    if (read === null) break;
    bytes += read;
    if (bytes > maxBytes) return null;
    texts.push(decoder.decode(buffer.subarray(0, read), { stream: true }));
  }
  texts.push(decoder.decode());
  return texts.join("");
}

/**
 * Characters that a terminal acts on or that are invisible: controls, line separators, format
 * characters such as the bidi overrides, and halves of surrogate pairs. The two joiners are text in
 * some scripts.
 */
const HIDDEN = /[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]--[\u200c\u200d]]/gv;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Escapes the invisible characters of foreign text, so that it is one line and cannot act on a
 * terminal: `\n`, `\u{1b}`, `\u{202e}`. Not reversible: a backslash is kept as it is.
 */
export function escapeControl(text: string): string {
  return text.replace(
    HIDDEN,
    (character) =>
      SHORT_ESCAPES[character] ?? `\\u{${character.codePointAt(0)?.toString(16) ?? ""}}`,
  );
}

/**
 * Escapes the invisible characters of JSON text, which only strings can contain, so that the value
 * is the same (RFC 8259, section 7).
 *
 * @param json JSON text without white space between its tokens.
 */
export function escapeControlInJson(json: string): string {
  return json.replace(
    HIDDEN,
    (character) =>
      character.split("").map((unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"))
        .join(""),
  );
}

/** The message of an error; of any other thrown value, its text. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The stack of an error, for reports of bugs; of any other thrown value, its text. */
export function errorStack(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

/** The message of an error that only a bug can cause. */
export function bugMessage(error: unknown): string {
  return `a bug in cronfetch: ${errorStack(error)}`;
}

/** A URL without its query, which often has a signature that changes with every request. */
export function withoutQuery(url: string): string {
  return url.split("?", 1)[0] ?? url;
}
