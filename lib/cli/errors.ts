/** Errors and warnings: as text on standard error, with the lines of the config, and as NDJSON. */

import {
  ConfigError,
  describeMore,
  describeProblem,
  type Excerpt,
  type Problem,
  type ProblemLevel,
  type ProblemRow,
  selectShown,
} from "../config/problem.ts";
import { variable } from "../config/variables.ts";
import { CronfetchError, hintFor } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { EXIT, exitCodeOf } from "../core/result.ts";
import { errorStack, escapeControl, escapeControlInJson } from "../core/text.ts";
import {
  colorWanted,
  displayWidth,
  type Paint,
  painter,
  plural,
  wrapWords,
} from "../report/format.ts";

/**
 * Writes an error to standard error, and with `--json` also to standard output.
 *
 * @param args The arguments of the command line.
 * @returns The exit code.
 */
export function reportError(error: unknown, args: readonly string[], host: Host): number {
  // Report the original error, not the one from disposal.
  if (error instanceof SuppressedError) return reportError(error.suppressed, args, host);
  if (!(error instanceof CronfetchError)) {
    const sentence = "this is a bug in cronfetch; please report it";
    host.stderr.write(
      `${label("error", screenOf(host).paint)} ${sentence}\n${errorStack(error)}\n`,
    );
    return EXIT.bug;
  }
  const isJson = args.includes("--json");
  if (error instanceof ConfigError) {
    const { problems, warnings, unlisted } = error;
    writeProblems(warnings, "warning", host);
    writeProblems(problems, "error", host);
    const count = problems.length + unlisted;
    if (count > 1) host.stderr.write(`Found ${plural(count, "error")}; no request was sent.\n`);
    if (isJson) {
      writeRows([...warnings.map((one) => rowOf(one, "warning"))], host);
      writeRows([...problems.map((one) => rowOf(one, "error"))], host);
    }
  } else {
    const { message, code } = error;
    const hint = hintOf(error);
    writeMessage("error", message, hint, host);
    if (isJson) {
      const place = { file: null, line: null, column: null, path: "" };
      writeRows([{ type: "problem", level: "error", code, ...place, message, hint }], host);
    }
  }
  return exitCodeOf(error);
}

/** The error's own hint; of its code if its message contains no advice. */
function hintOf({ message, hint, code, httpStatus }: CronfetchError): string | null {
  if (hint !== null) return hint;
  const isOurs = code !== "usage" && !code.startsWith("config.");
  return isOurs && !message.includes("; ") ? hintFor(code, httpStatus) : null;
}

function rowOf(problem: Problem, level: ProblemLevel): ProblemRow {
  const { code, source, line, column, path, message, hint } = problem;
  return { type: "problem", level, code, file: source, line, column, path, message, hint };
}

function writeRows(rows: readonly ProblemRow[], host: Pick<Host, "stdout">): void {
  for (const row of rows) host.stdout.write(`${escapeControlInJson(JSON.stringify(row))}\n`);
}

/** Writes a message with its prefix, and its hint on another line. */
export function writeMessage(
  level: ProblemLevel,
  message: string,
  hint: string | null,
  host: Pick<Host, "env" | "stderr">,
): void {
  const screen = screenOf(host);
  const [first = "", ...others] = message.split("\n");
  const lines = [
    ...labelled(level, uncapitalized(first), screen),
    ...others.map(escapeControl),
    ...(hint === null ? [] : labelled("hint", hint, screen)),
  ];
  host.stderr.write(lines.map((line) => `${line}\n`).join(""));
}

/** Writes problems with the lines of their sources. Many of one kind are counted. */
export function writeProblems(
  problems: readonly Problem[],
  level: ProblemLevel,
  host: Pick<Host, "env" | "stderr">,
): void {
  const screen = screenOf(host);
  for (const { problem, more } of selectShown(problems)) {
    const { excerpt, hint } = problem;
    const lines = [
      ...labelled(level, describeProblem(problem), screen),
      ...(excerpt === null ? [] : excerptLines(problem, excerpt, screen)),
      ...(hint === null ? [] : labelled("hint", hint, screen)),
      ...(more.length === 0 ? [] : labelled(level, describeMore(more), screen)),
    ];
    host.stderr.write(lines.map((line) => `${line}\n`).join(""));
  }
}

/** Where text is written. */
interface Screen {
  readonly paint: Paint;
  /** Maximum width of a line; null if lines are not wrapped. */
  readonly columns: number | null;
}

function screenOf(host: Pick<Host, "env" | "stderr">): Screen {
  const { stderr } = host;
  const isTerminal = stderr.isTerminal();
  return {
    paint: painter(colorWanted((name) => variable(name, host), isTerminal)),
    columns: isTerminal ? stderr.columns() : null,
  };
}

const STYLES = { error: "bad", warning: "warning", hint: "good" } as const;

function label(name: keyof typeof STYLES, paint: Paint): string {
  return paint(STYLES[name], `${name}:`);
}

/** A text behind its prefix, wrapped between words on a terminal. */
function labelled(name: keyof typeof STYLES, text: string, { paint, columns }: Screen): string[] {
  const width = columns === null ? Infinity : Math.max(20, columns);
  const words = [`${name}:`, ...escapeControl(text).split(" ")];
  return wrapWords(words, { first: width, rest: width - 2 }).map((line, index) =>
    index === 0 ? label(name, paint) + line.slice(name.length + 1) : `  ${line}`
  );
}

/** Width of excerpts where lines are not wrapped, and their maximum width. */
const EXCERPT_WIDTH = 100;
const MAX_EXCERPT_WIDTH = 300;

/** The line of a problem with its number, and carets below the found value. */
function excerptLines({ line }: Problem, excerpt: Excerpt, { paint, columns }: Screen): string[] {
  const number = ` ${line} `;
  const gutter = paint("faint", `${number}|`);
  const width = Math.min(
    MAX_EXCERPT_WIDTH,
    Math.max(20, (columns ?? EXCERPT_WIDTH) - number.length - 2),
  );
  const { text, caret, length } = cutAround(excerpt, width);
  const shown = `${gutter} ${text}`;
  if (caret === null) return [shown];
  const indent = " ".repeat(displayWidth(text.slice(0, caret)));
  const found = Math.max(1, displayWidth(text.slice(caret, caret + length)));
  return [
    shown,
    `${paint("faint", `${" ".repeat(number.length)}|`)} ${indent}${
      paint("bad", "^".repeat(found))
    }`,
  ];
}

/** The part of a line around its found value that fits. */
function cutAround(
  { text, column, length }: Excerpt,
  width: number,
): { readonly text: string; readonly caret: number | null; readonly length: number } {
  // Escaped characters are wider; only these occur in most texts.
  const plain = text.replaceAll("\t", " ");
  const start = column === null ? 0 : column - 1;
  const from = plain.length <= width || start < width * 2 / 3
    ? 0
    : Math.min(start - Math.floor(width / 3), plain.length - width + 1);
  const before = from > 0 ? "…" : "";
  const room = width - before.length;
  const cut = plain.length - from > room
    ? `${plain.slice(from, from + room - 1)}…`
    : plain.slice(from);
  const caret = start - from + before.length;
  const shown = escapeEach(before + cut);
  return {
    text: shown,
    caret: column === null ? null : caret,
    length: Math.min(length, Math.max(1, before.length + cut.length - caret)),
  };
}

/** Replaces invisible characters by one visible character each, so that carets stay below. */
function escapeEach(text: string): string {
  return text.split("").map((unit) => escapeControl(unit).length === 1 ? unit : pairOr(unit)).join(
    "",
  );
}

function pairOr(unit: string): string {
  // Half of a surrogate pair is kept: its other half follows.
  return /[\ud800-\udfff]/.test(unit) ? unit : "�";
}

/** A sentence behind a prefix begins in lower case. */
function uncapitalized(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
