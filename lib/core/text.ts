/** Small pure functions over text. */

/** Longest piece of a server's text in a message, in UTF-16 units. */
export const MAX_SERVER_TEXT = 200;

/** What is put in place of the rest of a text. */
const CUT_MARK = "…";

/**
 * A server's text as it may be part of a message: at most 200 characters, the rest replaced by `…`.
 * A word that would be cut in two is left out if there is one before it, so that no half of a
 * secret, which redaction could not recognize, is left over.
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

/** Removes every character of `characters` from the end. A `+$` expression would be quadratic. */
export function trimEndOf(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** What separates the words of a header or an error body. */
const SEPARATOR = /[\s"'<>(),;:?&=/]/;

function lastSeparator(text: string): number {
  let at = text.length - 1;
  while (at >= 0 && !SEPARATOR.test(text.charAt(at))) at--;
  return at;
}

/**
 * Decodes a stream as UTF-8. A stream without an end is read to the limit only.
 *
 * @returns Null if it has more than `maxBytes` bytes.
 */
export async function readTextAtMost(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): Promise<string | null> {
  const decoder = new TextDecoder();
  const texts: string[] = [];
  let bytes = 0;
  for await (const piece of stream) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) return null;
    texts.push(decoder.decode(piece, { stream: true }));
  }
  texts.push(decoder.decode());
  return texts.join("");
}
