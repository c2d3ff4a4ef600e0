/** Values of an imported command: literal text, environment variables and dates. */

import { literalOf, parseShell, type Word, type WordPart } from "./shell.ts";

/** A part of a value. */
export type TextPart =
  | string
  /** An environment variable, which URLs and headers may contain. */
  | { readonly env: string }
  /** The date of the run, as a placeholder of URLs and names. */
  | { readonly date: string };

/** A value without expansions that a config cannot express. */
export type Text = readonly TextPart[];

/** Shell variables and their values; null for one that is computed, such as that of a loop. */
export type Variables = ReadonlyMap<string, Word | null>;

/** A value, or the expansion that has no equivalent in a config. */
export type Resolved =
  | { readonly text: Text; readonly unknown?: undefined }
  | { readonly text: null; readonly unknown: string };

/** Depth of variables in values of variables; a cycle ends there. */
const MAX_DEPTH = 10;

/** Names of the variables that hold a secret, which stay variables. */
const SECRET_NAME = /token|secret|passw|pwd|key|credential|auth/i;

/** Substitutes variables that are assigned before; the others are taken from the environment. */
export function resolveWord(word: Word, variables: Variables, depth = 0): Resolved {
  const text: TextPart[] = [];
  for (const part of word) {
    const resolved = resolvePart(part, variables, depth);
    if (resolved.text === null) return resolved;
    text.push(...resolved.text);
  }
  return { text: joined(text) };
}

function resolvePart(part: WordPart, variables: Variables, depth: number): Resolved {
  if (typeof part === "string") return { text: [part] };
  if ("expansion" in part) return { text: null, unknown: part.expansion };
  if ("command" in part) {
    const date = dateTemplate(part.command);
    return date === null ? { text: null, unknown: `$(${part.command})` } : { text: date };
  }
  const value = variables.get(part.variable);
  if (value === null) return { text: null, unknown: `$${part.variable}` };
  if (value === undefined || isSecretVariable(part.variable)) {
    return { text: [{ env: part.variable }] };
  }
  return depth < MAX_DEPTH
    ? resolveWord(value, variables, depth + 1)
    : { text: null, unknown: `$${part.variable}` };
}

/** Whether a variable holds a secret, by its name. */
function isSecretVariable(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** Joins adjacent literal parts, and drops empty ones. */
function joined(parts: Text): Text {
  const result: TextPart[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (part === "") continue;
    if (typeof part === "string" && typeof last === "string") {
      result[result.length - 1] = last + part;
    } else result.push(part);
  }
  return result;
}

/** The literal text of a value; null if it has other parts. */
export function plainText(text: Text): string | null {
  return text.every((part) => typeof part === "string") ? text.join("") : null;
}

/** A value for a URL of a config, where `{` and `${` are escaped. */
export function urlText(text: Text): string {
  return written(
    text,
    (literal) => literal.replace(/\$\{|[{}]/g, (found) => found === "${" ? "$${" : found + found),
  );
}

/** A value for a name of a config, where `{` is escaped. Null if it has environment variables. */
export function nameText(text: Text): string | null {
  if (text.some((part) => typeof part === "object" && "env" in part)) return null;
  return written(text, (literal) => literal.replace(/[{}]/g, (found) => found + found));
}

/** A value for a header of a config, where `${` is escaped. Null if it has dates. */
export function headerText(text: Text): string | null {
  if (text.some((part) => typeof part === "object" && "date" in part)) return null;
  return written(text, (literal) => literal.replaceAll("${", () => "$${"));
}

function written(text: Text, escape: (literal: string) => string): string {
  return text.map((part) =>
    typeof part === "string" ? escape(part) : "env" in part ? `\${env:${part.env}}` : part.date
  ).join("");
}

/** Conversions of `date` (POSIX) and the parts of a date in a config. */
const CONVERSIONS: Readonly<Record<string, string>> = {
  Y: "YYYY",
  y: "YY",
  m: "MM",
  d: "DD",
  j: "DDD",
  G: "GGGG",
  V: "WW",
  H: "HH",
  M: "mm",
  S: "ss",
  F: "YYYY-MM-DD",
  T: "HH:mm:ss",
  R: "HH:mm",
  "-m": "M",
  "-d": "D",
};

const CONVERSION = /%(-?[A-Za-z])|%%|[^%]+|%/g;

const UNITS: Readonly<Record<string, string>> = {
  hour: "h",
  day: "d",
  week: "w",
  month: "M",
  year: "y",
};

/** `1 day ago`, `-1 day`, `+2 weeks`. */
const OFFSET = /^([+-]?)([0-9]{1,3}) (hour|day|week|month|year)s?( ago)?$/;

/** Offsets by name. */
const NAMED_OFFSETS: Readonly<Record<string, string>> = {
  today: "",
  now: "",
  yesterday: "-1d",
  tomorrow: "+1d",
};

/** Offsets of `date -v` (BSD). */
const BSD_OFFSET = /^([+-])([0-9]{1,3})([Hdwmy])$/;

/** The placeholder for a call of `date`; null if it is no such call, or has no equivalent. */
function dateTemplate(command: string): Text | null {
  const [call, ...others] = parseShell(command);
  const [program, ...words] = call?.words.map(literalOf) ?? [];
  if (program !== "date" || others.length > 0) return null;
  let offset: string | null = "";
  let format = "";
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    const [, attached] = /^(?:--date=|-d)(.+)$/.exec(word) ?? [];
    if (word.startsWith("+")) format = word.slice(1);
    else if (word === "-d" || word === "--date") offset = gnuOffset(words[++index] ?? "");
    else if (attached !== undefined) offset = gnuOffset(attached);
    else if (word.startsWith("-v")) offset = bsdOffset(word.slice(2));
    else if (word !== "-u" && word !== "--utc") return null;
    if (offset === null) return null;
  }
  return format === "" ? null : datesIn(format, offset);
}

function gnuOffset(text: string): string | null {
  const named = NAMED_OFFSETS[text];
  if (named !== undefined) return named;
  const [, sign, count, unit = "", ago] = OFFSET.exec(text) ?? [];
  if (count === undefined) return null;
  return `${(sign === "-") !== (ago !== undefined) ? "-" : "+"}${count}${UNITS[unit] ?? ""}`;
}

function bsdOffset(text: string): string | null {
  const [, sign = "", count, unit = ""] = BSD_OFFSET.exec(text) ?? [];
  return count === undefined ? null : sign + count + unit.replace("m", "M").replace("H", "h");
}

/** A format of `date` as placeholders, one for each run of conversions and punctuation. */
function datesIn(format: string, offset: string): Text | null {
  const text: TextPart[] = [];
  let open = "";
  const close = () => {
    // Punctuation after the last conversion is literal.
    const [, conversions = "", rest = ""] = /^(.*[A-Za-z])?([^A-Za-z]*)$/s.exec(open) ?? [];
    if (conversions !== "") text.push({ date: `{date${offset}:${conversions}}` });
    text.push(rest);
    open = "";
  };
  for (const [found, name] of format.matchAll(CONVERSION)) {
    const conversion = name === undefined ? undefined : CONVERSIONS[name];
    if (conversion !== undefined) {
      // Runs of one letter are one part of a date: `%d%j` are two placeholders.
      if (open.endsWith(conversion.charAt(0))) close();
      open += conversion;
    } else if (found.startsWith("%") && found !== "%%") return null;
    else if (/^[-_./:, ]+$/.test(found) && open !== "") open += found;
    else {
      close();
      text.push(found === "%%" ? "%" : found);
    }
  }
  close();
  return joined(text);
}
