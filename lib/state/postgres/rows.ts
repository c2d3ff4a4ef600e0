/** What the tables of the other modules have in common: names, and rows in statements of limited size. */

/** Largest number of rows of a statement. Beyond 2,000, the server needs more time for each. */
export const ROWS_PER_STATEMENT = 500;
/** Largest text of the rows of a statement, unless there is only one. */
const MOST_CHARACTERS = 4_000_000;

/**
 * A name as Postgres can store it, which holds no NUL: U+001A is the beginning of an escape.
 *
 * @param name Well-formed.
 */
export function storedName(name: string): string {
  // deno-lint-ignore no-control-regex -- these two are what is escaped
  return /[\0\x1a]/.test(name) ? name.replaceAll("\x1a", "\x1a1").replaceAll("\0", "\x1a0") : name;
}

/** The name of a stored one. */
export function nameOf(stored: string): string {
  return stored.includes("\x1a")
    ? stored.replaceAll("\x1a0", "\0").replaceAll("\x1a1", "\x1a")
    : stored;
}

/** The stored names of some names, as the JSON text of a list. */
export function storedNames(names: Iterable<string>): string {
  return JSON.stringify(Array.from(names, storedName));
}

/**
 * Rows as texts for `jsonb_to_recordset`, sorted, so that two processes that write the same rows
 * wait for each other instead of a deadlock.
 *
 * @param rows Each with a text that sorts it.
 * @returns Each a JSON list.
 */
export function* rowTexts(
  rows: Iterable<readonly [sortedBy: string, row: object]>,
  most = ROWS_PER_STATEMENT,
): Generator<string> {
  const sorted = [...rows].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  let texts: string[] = [];
  let characters = 0;
  for (const [, row] of sorted) {
    const text = JSON.stringify(row);
    if (texts.length >= most || (texts.length > 0 && characters + text.length > MOST_CHARACTERS)) {
      yield `[${texts.join(",")}]`;
      texts = [];
      characters = 0;
    }
    texts.push(text);
    characters += text.length;
  }
  if (texts.length > 0) yield `[${texts.join(",")}]`;
}

/** Splits a list. */
export function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
