/** URL globs of curl: `{a,b}` and `[01-12:2]` for several URLs. */

/** One URL of a pattern, and the value of each of its groups, for `#1` in the name of a file. */
export interface GlobMatch {
  readonly url: string;
  readonly values: readonly string[];
}

/** Enough for an hour of each day of a month. */
const MAX_MATCHES = 1_000;

const GROUP = /\\[[\]{}]|\{([^{}]*)\}|\[([^[\]]*)\]/g;
const NUMBERS = /^([0-9]{1,9})-([0-9]{1,9})(?::([1-9][0-9]{0,8}))?$/;
const LETTERS = /^([a-z])-([a-z])(?::([1-9][0-9]?))?$/i;

/** Expands a URL; null if it has more than 1,000 matches. A URL without groups matches itself. */
export function expandGlob(pattern: string): GlobMatch[] | null {
  let matches: GlobMatch[] = [{ url: "", values: [] }];
  let end = 0;
  const append = (text: string) => {
    matches = matches.map(({ url, values }) => ({ url: url + text, values }));
  };
  for (const found of pattern.matchAll(GROUP)) {
    const [whole, set, range] = found;
    append(pattern.slice(end, found.index));
    end = found.index + whole.length;
    const choices = set !== undefined ? set.split(",") : rangeOf(range ?? "");
    if (choices === null) {
      // An address of IPv6, or an escaped bracket.
      append(whole.startsWith("\\") ? whole.slice(1) : whole);
      continue;
    }
    if (choices.length * matches.length > MAX_MATCHES) return null;
    matches = matches.flatMap(({ url, values }) =>
      choices.map((choice) => ({ url: url + choice, values: [...values, choice] }))
    );
  }
  append(pattern.slice(end));
  return matches;
}

/** Replaces `#1` in the name of a file by the value of the first group, and so on. */
export function fillName(name: string, values: readonly string[]): string {
  return name.replace(/#([1-9])/g, (whole, digit: string) => values[Number(digit) - 1] ?? whole);
}

/** The values of a range, one more than the maximum if there are too many; null if it is none. */
function rangeOf(range: string): string[] | null {
  const [, first, last = "", step = "1"] = NUMBERS.exec(range) ?? LETTERS.exec(range) ?? [];
  if (first === undefined) return null;
  const isNumber = /^[0-9]/.test(first);
  const [from, to] = [first, last].map((text) => isNumber ? Number(text) : text.charCodeAt(0));
  if (from === undefined || to === undefined) return null;
  const values: string[] = [];
  for (
    let value = from;
    value <= to && values.length <= MAX_MATCHES;
    value += Number(step)
  ) {
    values.push(
      isNumber ? String(value).padStart(first.length, "0") : String.fromCharCode(value),
    );
  }
  return values;
}
