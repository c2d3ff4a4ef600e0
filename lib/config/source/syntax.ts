/**
 * Explains syntax errors by the text around them: parsers report where they stopped, which is often
 * after the mistake. Loaded only for a config with a syntax error.
 */

import { didYouMean } from "../problem.ts";
import type { SyntaxProblem, TextRange } from "./source.ts";

/** Longest text that is read around an error, in UTF-16 units. */
const MAX_LINE_LENGTH = 1_000;

/** Explains the first error of a text in JSON or JSONC; other problems are kept. */
export function explainJson(
  text: string,
  problems: readonly SyntaxProblem[],
  isPlain: boolean,
): readonly SyntaxProblem[] {
  const [first, ...others] = problems;
  if (first === undefined || first.message.startsWith("duplicate")) return problems;
  return [explainWhole(text) ?? explainJsonError(text, first, isPlain) ?? first, ...others];
}

/** Explains a text that is no config at all. */
function explainWhole(text: string): SyntaxProblem | null {
  const start = text.search(/\S/);
  if (start < 0) {
    return { offset: 0, message: "the file is empty", hint: "cronfetch init writes a config" };
  }
  if (text[start] === "<") return { offset: start, message: "HTML or XML, which is no config" };
  const [line = ""] = text.slice(start, start + MAX_LINE_LENGTH).split("\n", 1);
  return /^\[\[?[A-Za-z][\w.-]*\]/.test(line)
    ? { offset: start, message: "TOML is not supported", hint: "use JSON, YAML or TypeScript" }
    : null;
}

function explainJsonError(
  text: string,
  { offset, message }: SyntaxProblem,
  isPlain: boolean,
): SyntaxProblem | null {
  const found = text.charAt(offset);
  const before = significantBefore(text, offset);
  const open = openBrackets(text, offset).at(-1);
  if (open !== undefined && (offset >= text.trimEnd().length || isWrongEnd(text, open, found))) {
    const bracket = text.charAt(open);
    if (!message.startsWith("expected") || message.includes("value")) return null;
    return {
      offset: open,
      message: `this ${bracket} is not closed`,
      hint: `add a ${bracket === "{" ? "}" : "]"} at its end`,
    };
  }
  if (message === "expected a comma") {
    return { offset: before.end, message: "a comma is missing", hint: "add it here" };
  }
  if (
    /^expected a (?:value$|key)/.test(message) && before.character === "," && /[}\]]/.test(found)
  ) {
    return {
      offset: before.end - 1,
      message: isPlain ? "JSON allows no comma after the last entry" : "a comma without an entry",
      hint: isPlain ? "remove it, or rename the file to .jsonc" : "remove it",
    };
  }
  if (message.startsWith("comments")) {
    return {
      offset,
      length: 2,
      message: "JSON allows no comments",
      hint: "rename the file to .jsonc",
    };
  }
  if (message === "unterminated text") {
    return {
      offset,
      length: lineFrom(text, offset).length,
      message: "a text without its end",
      hint: 'add a " at its end',
    };
  }
  if (message === "invalid escape") return explainEscape(text, offset);
  return message.startsWith("expected") ? explainSymbol(text, offset, found) : null;
}

/** Explains a character that begins no value. */
function explainSymbol(text: string, offset: number, found: string): SyntaxProblem | null {
  const line = lineFrom(text, offset);
  const [, quoted] = /^'([^']{0,200})'/.exec(line) ?? [];
  if (quoted !== undefined) {
    const range = { offset, length: quoted.length + 2 };
    return { ...range, message: "text needs double quotes", hint: didYouMean(quoted) };
  }
  if (/^[“”„‟«»‘’]/.test(found)) {
    return { offset, message: `typographic quotes (${found})`, hint: 'write "' };
  }
  if (found === "#") return { offset, message: "a comment begins with //", hint: "write // for #" };
  if (found === "=") {
    return { offset, message: "a colon separates a key and its value", hint: "write :" };
  }
  if (found === ";") return { offset, message: "a comma separates entries", hint: "write ," };
  const [word] = /^[\p{L}$_][\w$.:/?&=%*@-]{0,200}/u.exec(line) ?? [];
  if (word === undefined) return null;
  const literal = LITERALS[word];
  if (literal !== undefined) {
    const hint = `did you mean ${literal}?`;
    return { offset, length: word.length, message: `${word} is no value in JSON`, hint };
  }
  const [, name, after] = /^([\w$-]{1,100})[ \t]{0,9}:(.{0,2})/.exec(line) ?? [];
  const key = after === "//" ? undefined : name;
  return key === undefined
    ? { offset, length: word.length, message: "text needs double quotes", hint: didYouMean(word) }
    : { offset, length: key.length, message: "a key needs double quotes", hint: didYouMean(key) };
}

const LITERALS: Readonly<Record<string, string>> = {
  ...{ True: "true", TRUE: "true", yes: "true", on: "true" },
  ...{ False: "false", FALSE: "false", no: "false", off: "false" },
  ...{ None: "null", nil: "null", Null: "null", NULL: "null", undefined: "null", NaN: "null" },
};

/** Explains a backslash that begins no escape, as in a Windows path. */
function explainEscape(text: string, offset: number): SyntaxProblem | null {
  const line = lineFrom(text, offset);
  const at = line.search(/\\[^"\\/bfnrtu]/);
  if (at < 0) return null;
  const [, value = ""] = /^"([^"]{0,200})"/.exec(line) ?? [];
  const guess = value === "" ? null : didYouMean(value.replaceAll("\\", "/"));
  return {
    offset: offset + at,
    length: 2,
    message: `${line.slice(at, at + 2)} is no escape; write \\\\ for a backslash`,
    hint: guess ?? "write \\\\ or /",
  };
}

function lineFrom(text: string, offset: number): string {
  return text.slice(offset, offset + MAX_LINE_LENGTH).split(/[\r\n]/, 1)[0] ?? "";
}

/** A string, a line comment, the beginning of a block comment, or another character. */
const JSON_TOKEN = /"(?:[^"\\\n]|\\.)*"?|\/\/[^\n]*|\/\*|\S/g;

/** The tokens of a text in JSON, without comments. */
function* tokensOf(text: string): Generator<{ readonly token: string; readonly index: number }> {
  const pattern = new RegExp(JSON_TOKEN);
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const { 0: token, index } = match;
    if (token === "/*") {
      const end = text.indexOf("*/", index + 2);
      if (end < 0) return;
      pattern.lastIndex = end + 2;
    } else if (!token.startsWith("//")) yield { token, index };
  }
}

/** Offsets of the brackets that are open at an offset. */
function openBrackets(text: string, offset: number): number[] {
  const open: number[] = [];
  for (const { token, index } of tokensOf(text.slice(0, offset))) {
    if (token === "{" || token === "[") open.push(index);
    else if (token === "}" || token === "]") open.pop();
  }
  return open;
}

function isWrongEnd(text: string, open: number, found: string): boolean {
  return found === (text.charAt(open) === "{" ? "]" : "}");
}

/** The last character before an offset that is no white space or comment, and its end. */
function significantBefore(text: string, offset: number): { character: string; end: number } {
  let end = 0;
  for (const { token, index } of tokensOf(text.slice(0, offset))) end = index + token.length;
  return { character: text.charAt(end - 1), end };
}

/** Explains errors in YAML, one for each line: others of a line are consequences of its first. */
export function explainYaml(
  text: string,
  problems: readonly SyntaxProblem[],
): readonly SyntaxProblem[] {
  const lines = new Set<number>();
  return problems.flatMap((problem) => {
    const explained = explainYamlError(text, problem);
    const start = lineStart(text, explained.offset);
    if (lines.has(start)) return [];
    lines.add(start);
    return [explained];
  });
}

function explainYamlError(text: string, problem: SyntaxProblem): SyntaxProblem {
  const { message } = problem;
  if (/^(?:duplicate|is nested|excessive|contains)/.test(message)) return problem;
  if (message.startsWith("missing closing")) return explainUnclosed(text) ?? problem;
  const start = lineStart(text, problem.offset);
  const line = lineFrom(text, start);
  if (/^[ ]*\t/.test(line)) {
    return { offset: start, message: "a tab as indentation", hint: "indent with blanks" };
  }
  if (message.startsWith("invalid escape")) {
    const hint = "write \\\\ for a backslash, or put the text in single quotes";
    return { ...problem, length: 2, hint };
  }
  const [lead = ""] = /^ *(?:- +)*/.exec(line) ?? [];
  const rest = line.slice(lead.length);
  const [key = ""] = /^[\w$.-]{1,60}: +/.exec(rest) ?? [];
  const value = withoutComment(rest.slice(key.length));
  const range = { offset: start + lead.length + key.length, length: value.length };
  if (/^[*&@`%!{[|>]/.test(value)) {
    const what = `a value that begins with ${value.charAt(0)} needs quotes`;
    return { ...range, message: what, hint: quoted(value) };
  }
  if (key !== "" && /: /.test(value) && !/^["']/.test(value)) {
    return { ...range, message: "a value with a colon needs quotes", hint: quoted(value) };
  }
  const [, name, tight] = /^([A-Za-z$][\w-]{0,60}):(\S.*)$/.exec(rest) ?? [];
  if (name !== undefined && tight !== undefined && !tight.startsWith("//")) {
    const hint = didYouMean(`${name}: ${tight}`);
    const place = { offset: start + lead.length, length: name.length + 1 };
    return { ...place, message: "a colon needs a blank after it", hint };
  }
  if (/^https?:\/\//.test(rest)) {
    const hint = didYouMean(`- ${rest}`);
    return {
      offset: start + lead.length,
      length: rest.length,
      message: "a list entry needs a hyphen",
      hint,
    };
  }
  return explainIndentation(text, start, lead) ?? problem;
}

/** Explains a line that is indented more than the keys before it. */
function explainIndentation(text: string, start: number, lead: string): SyntaxProblem | null {
  const next = start + lineFrom(text, start).length + 1;
  const line = lineFrom(text, next);
  const indent = line.search(/\S/);
  if (indent <= lead.length || !/^[\w$.-]{1,60}:/.test(line.slice(indent))) return null;
  return {
    offset: next + indent,
    message: `indented by ${indent} blanks`,
    hint: `indent it by ${lead.length}, like the key above it`,
  };
}

/** Finds the line of a quote without its end: parsers report the end of the text. */
function explainUnclosed(text: string): SyntaxProblem | null {
  let offset = 0;
  for (const line of text.split("\n")) {
    const at = line.search(/["']/);
    const mark = line.charAt(at);
    if (at >= 0 && /[:\s-]$/.test(line.slice(0, at)) && line.split(mark).length % 2 === 0) {
      const range = { offset: offset + at, length: line.length - at };
      return { ...range, message: "a text without its end", hint: `add a ${mark} at its end` };
    }
    offset += line.length + 1;
  }
  return null;
}

/** Longest value that a hint repeats, in UTF-16 units. */
const MAX_QUOTED_LENGTH = 100;

function quoted(value: string): string {
  if (value.length > MAX_QUOTED_LENGTH) return "put it in quotes";
  return value.includes('"') ? "put it in single quotes" : `quote it: "${value}"`;
}

function withoutComment(value: string): string {
  const at = value.indexOf(" #");
  return (at < 0 ? value : value.slice(0, at)).trim();
}

function lineStart(text: string, offset: TextRange["offset"]): number {
  return offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
}
