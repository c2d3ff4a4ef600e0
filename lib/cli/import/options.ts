/** Command-line options of a program: a table of what each does, and their parsing. */

import type { CommandDraft } from "./draft.ts";
import type { Word } from "./shell.ts";
import type { Text } from "./text.ts";

/**
 * What an option means for a config: null if cronfetch always does it, or if it does not affect the
 * file; a reason if it has no equivalent; or a function that adds it to the draft, and returns the
 * reason if its value has no equivalent.
 */
export type Use =
  | null
  | string
  | ((draft: CommandDraft, value: Text, shown: string) => string | null);

/** The options of a program. Names are without their hyphens. */
export interface OptionTable {
  /** Long names by the characters of the short ones. */
  readonly short: Readonly<Record<string, string>>;
  readonly flags: Readonly<Record<string, Use>>;
  /** Options with a value. */
  readonly values: Readonly<Record<string, Use>>;
  /** Further options with a value. */
  readonly otherValues: readonly string[];
  /** Whether a unique prefix of a long name is that option, as getopt_long accepts. */
  readonly hasPrefixes: boolean;
}

/** An option or an operand of a command line. */
export interface Argument {
  /** The long name of an option without hyphens; null for an operand. */
  readonly name: string | null;
  /** The option as written, without its value. */
  readonly shown: string;
  /** The operand, or the value of the option; null for a flag. */
  readonly value: Word | null;
}

/** Parses the words after the name of the program. */
export function parseArguments(words: readonly Word[], table: OptionTable): Argument[] {
  const parsed: Argument[] = [];
  let isOperand = false;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? [];
    const [first] = word;
    const next = () => words[++index] ?? [];
    if (isOperand || typeof first !== "string" || !/^-./.test(first)) {
      parsed.push({ name: null, shown: "", value: word });
    } else if (first === "--" && word.length === 1) isOperand = true;
    else if (first.startsWith("--")) parsed.push(longOption(word, first, table, next));
    else parsed.push(...shortOptions(word, first, table, next));
  }
  return parsed;
}

/** What an option means; undefined for an unknown one. */
export function useOf(name: string, table: OptionTable): Use | undefined {
  for (const uses of [table.values, table.flags]) {
    if (Object.hasOwn(uses, name)) return uses[name];
  }
  return undefined;
}

function longOption(
  word: Word,
  first: string,
  table: OptionTable,
  next: () => Word,
): Argument {
  const end = first.indexOf("=");
  const written = first.slice(2, end < 0 ? undefined : end);
  const name = table.hasPrefixes ? completeName(written, table) : written;
  const shown = `--${written}`;
  if (end >= 0) return { name, shown, value: [first.slice(end + 1), ...word.slice(1)] };
  return { name, shown, value: takesValue(name, table) ? next() : null };
}

/** Parses `-sSLo FILE`, `-oFILE` and `-nc`, which is one option of wget. */
function shortOptions(
  word: Word,
  first: string,
  table: OptionTable,
  next: () => Word,
): Argument[] {
  const found: Argument[] = [];
  for (let at = 1; at < first.length;) {
    const two = first.slice(at, at + 2);
    const short = Object.hasOwn(table.short, two) && two.length === 2 ? two : first.charAt(at);
    const name = Object.hasOwn(table.short, short) ? table.short[short] ?? short : short;
    at += short.length;
    if (!takesValue(name, table)) {
      found.push({ name, shown: `-${short}`, value: null });
      continue;
    }
    const rest = [first.slice(at), ...word.slice(1)].filter((part) => part !== "");
    found.push({ name, shown: `-${short}`, value: rest.length > 0 ? rest : next() });
    break;
  }
  return found;
}

function takesValue(name: string, table: OptionTable): boolean {
  return Object.hasOwn(table.values, name) || table.otherValues.includes(name);
}

function completeName(written: string, table: OptionTable): string {
  const names = [
    ...Object.keys(table.values),
    ...Object.keys(table.flags),
    ...table.otherValues,
  ];
  if (names.includes(written)) return written;
  const [name, ...others] = names.filter((known) => known.startsWith(written));
  return name === undefined || others.length > 0 ? written : name;
}
