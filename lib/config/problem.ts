/** Problems of a config, and their places. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import { escapeControl } from "../core/text.ts";

/** One problem of a config. */
export interface Problem {
  /** A `config.` code. */
  readonly code: ErrorCode;
  /** The file as given or found, or the flag, variable or argument. */
  readonly source: string;
  /** From 1; null if the source has no lines. */
  readonly line: number | null;
  /** From 1, in UTF-16 units, as in editors; null if the source has no lines. */
  readonly column: number | null;
  /** Path in the config, such as `tasks[3].expect.minSize`; empty for the whole source. */
  readonly path: string;
  /** The rest of a sentence that begins with the path, such as `must be true or false`. */
  readonly message: string;
  /** What was probably meant, or what to do, such as `did you mean "5m"?`; null without one. */
  readonly hint: string | null;
  /** The line of the source; null if the source has no lines. */
  readonly excerpt: Excerpt | null;
}

/** Whether a problem prevents a command. */
export type ProblemLevel = "error" | "warning";

/** One line of `--json` for a problem of the command line or the config. */
export interface ProblemRow extends Pick<Problem, "code" | "line" | "column" | "message" | "hint"> {
  readonly type: "problem";
  readonly level: ProblemLevel;
  /** The source of the problem; null for the command line. */
  readonly file: string | null;
  /** Empty for a whole source. */
  readonly path: string;
}

/** The line of a problem, with its secrets redacted. */
export interface Excerpt {
  /** Without its line break; of a long line, the part around the found value. */
  readonly text: string;
  /** From 1, in UTF-16 units of `text`; null if the redaction has moved the found value. */
  readonly column: number | null;
  /** Length of the found value in `text`, in UTF-16 units; at least 1. */
  readonly length: number;
}

/** A place in a config. */
export type Place = Pick<Problem, "source" | "line" | "column" | "path" | "excerpt">;

/**
 * Narrows a place to the part of its value that a message begins with, as in `has hour "25", …`.
 *
 * @returns The place itself if the part is not found exactly once.
 */
export function narrowed(place: Place, message: string): Place {
  const { excerpt } = place;
  const [, part] = /^(?:has|contains)[^"]{0,40}"([^"]+)"/.exec(message) ?? [];
  if (part === undefined || excerpt === null || excerpt.column === null) return place;
  const start = excerpt.column - 1;
  const found = excerpt.text.slice(start, start + excerpt.length);
  const offset = found.indexOf(part);
  if (offset < 0 || found.lastIndexOf(part) !== offset) return place;
  return {
    ...place,
    column: place.column === null ? null : place.column + offset,
    excerpt: { ...excerpt, column: excerpt.column + offset, length: part.length },
  };
}

/** A source, flag or argument as a place without lines. */
export function placeWithoutLine(source: string, path = ""): Place {
  return { source, line: null, column: null, path, excerpt: null };
}

/** What is wrong, the rest of a sentence that begins with a path; with a hint if there is one. */
export type Complaint = string | { readonly message: string; readonly hint: string };

/** Returns a complaint with the hint if it is not null. */
export function withHint(message: string, hint: string | null): Complaint {
  return hint === null ? message : { message, hint };
}

/** Maximum length of a suggestion in UTF-16 units; a shortened one could not be copied. */
const MAX_SUGGESTION_LENGTH = 200;

/** Returns a hint that suggests a value; null without a suggestion. */
export function didYouMean(guess: string | number | boolean | null): string | null {
  if (guess === null) return null;
  if (typeof guess !== "string") return `did you mean ${guess}?`;
  return guess.length > MAX_SUGGESTION_LENGTH ? null : `did you mean "${escapeControl(guess)}"?`;
}

/** Returns a complaint that suggests a text unless it is null. */
export function withGuess(message: string, guess: string | null): Complaint {
  return withHint(message, didYouMean(guess));
}

/** Returns the message and the hint of a complaint. */
export function partsOf(complaint: Complaint): Pick<Problem, "message" | "hint"> {
  return typeof complaint === "string" ? { message: complaint, hint: null } : complaint;
}

/** Returns a complaint with a beginning before its message. */
export function prefixed(beginning: string, complaint: Complaint): Complaint {
  const { message, hint } = partsOf(complaint);
  return withHint(beginning + message, hint);
}

/** Number of problems after which no further task is checked. */
const ENOUGH_PROBLEMS = 10_000;

/** Collects the problems of a config, with bounded cost. */
export class ProblemList {
  /** The first problems, in the order in which they were found. */
  readonly listed: Problem[] = [];
  /** Number of problems after the listed ones. */
  unlisted = 0;
  /** Number of tasks not checked because the list is full. */
  unchecked = 0;

  /** Whether further problems are only counted. */
  get isFull(): boolean {
    return this.listed.length >= ENOUGH_PROBLEMS;
  }

  /** Adds a problem; `make` is called only if it is listed. */
  add(make: () => Problem): void {
    if (this.isFull) this.unlisted++;
    else this.listed.push(make());
  }
}

/** An invalid config, with its problems in the order of the sources. */
export class ConfigError extends CronfetchError {
  /** At least one, at most the first 10,000. */
  readonly problems: readonly Problem[];
  /** Values that are valid but probably unintended; their codes have no meaning. */
  readonly warnings: readonly Problem[];
  /** Number of further problems. */
  readonly unlisted: number;
  /** Number of tasks that were not checked. */
  readonly unchecked: number;

  /**
   * Creates an error with the code of the first problem and one line for each of them, except that
   * {@linkcode selectShown | many of one kind} are counted.
   *
   * @param problems In the order of the sources.
   * @param unlisted Number of further problems.
   * @param unchecked Number of tasks that were not checked.
   * @param warnings In the order of the sources.
   */
  constructor(
    problems: readonly [Problem, ...Problem[]],
    unlisted = 0,
    unchecked = 0,
    warnings: readonly Problem[] = [],
  ) {
    const lines = problemLines(problems, unlisted);
    if (unchecked > 0) lines.push(`${lines.pop()}; the other ${unchecked} tasks were not checked`);
    super(problems[0].code, lines.join("\n"));
    this.unchecked = unchecked;
    this.problems = problems;
    this.warnings = warnings;
    this.unlisted = unlisted;
  }
}

/** Returns the error with another hint for its last problem. */
export function withLastHint(error: ConfigError, hint: string): ConfigError {
  const [first, ...others] = error.problems.map((problem, index) =>
    index === error.problems.length - 1 ? { ...problem, hint } : problem
  );
  const { unlisted, unchecked, warnings } = error;
  return first === undefined
    ? error
    : new ConfigError([first, ...others], unlisted, unchecked, warnings);
}

/** Formats problems in one line each, and the number of the others of a kind. */
function problemLines(problems: readonly Problem[], unlisted: number): string[] {
  const lines = selectShown(problems).flatMap(({ problem, more }) => [
    formatProblem(problem),
    ...(more.length === 0 ? [] : [describeMore(more)]),
  ]);
  return unlisted > 0 ? [...lines, `and ${unlisted} more`] : lines;
}

/** A problem that is shown. */
export interface ShownProblem {
  readonly problem: Problem;
  /** Later problems of its kind that are only counted. */
  readonly more: readonly Problem[];
}

/** Number of problems of one kind that are shown; of more than {@linkcode MANY}, only a few. */
const FEW = 5;
const MANY = 10;

/**
 * Selects problems to show, in their order. Many that differ only in their places and values are
 * counted, so that a list of URLs with thousands of mistakes does not hide the others.
 */
export function selectShown(problems: readonly Problem[]): ShownProblem[] {
  const more = new Map<Problem, readonly Problem[]>();
  for (const group of Map.groupBy(problems, kindOf).values()) {
    const count = group.length <= MANY ? group.length : FEW;
    for (const problem of group.slice(0, count)) more.set(problem, []);
    const last = group[count - 1];
    if (last !== undefined) more.set(last, group.slice(count));
  }
  return problems.flatMap((problem) => {
    const others = more.get(problem);
    return others === undefined ? [] : [{ problem, more: others }];
  });
}

/** The kind of a problem: its file, code, path and message without indexes and values. */
function kindOf({ source, code, path, message }: Problem): string {
  const words = message.replaceAll(/"[^"]*"/g, '""').replaceAll(/[0-9]+/g, "0");
  // Every argument is a source of its own.
  const file = /^argument [0-9]+$/.test(source) ? "argument" : source;
  return [file, code, path.replaceAll(/\[[0-9]+\]/g, "[]"), words].join("\n");
}

/** Describes problems that are only counted: `and 120 more of this kind, up to line 130`. */
export function describeMore(more: readonly Problem[]): string {
  const lines = [...new Set(more.map(({ line }) => line))].filter((line) => line !== null);
  const last = lines.at(-1);
  const extent = last === undefined
    ? ""
    : lines.length > MANY
    ? `, up to line ${last}`
    : lines.length === 1
    ? `, in line ${last}`
    : `, in lines ${lines.slice(0, -1).join(", ")} and ${last}`;
  return `and ${more.length} more of this kind${extent}`;
}

/** Formats a problem as compilers do: `file:line:column: path message; hint`. */
export function formatProblem(problem: Problem): string {
  const hint = problem.hint === null ? "" : `; ${problem.hint}`;
  return `${describeProblem(problem)}${escapeControl(hint)}`;
}

/** Formats a problem without its hint: `file:line:column: path message`. */
export function describeProblem(problem: Problem): string {
  const subject = problem.path === "" ? "" : `${problem.path} `;
  return escapeControl(`${formatPlace(problem)}: ${subject}${problem.message}`);
}

/** Formats a place as `file:line:column`, as far as known. */
export function formatPlace(
  { source, line, column }: Pick<Place, "source" | "line" | "column">,
): string {
  return [source, line, column].filter((part) => part !== null).join(":");
}

/** Formats a path as in JavaScript: `tasks[3].headers["x y"]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const name = shortened(String(part));
    if (!/^[\w$-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

/** Maximum length in characters of a value in a message. */
const SHOWN_LENGTH = 60;

/** Quotes a value of the config for a message: shortened, and without terminal control characters. */
export function quote(value: string): string {
  return `"${escapeControl(shortened(value))}"`;
}

/** Cuts a long text. A character has at most two UTF-16 units, so no more is read. */
function shortened(value: string): string {
  if (value.length <= SHOWN_LENGTH) return value;
  const characters = [...value.slice(0, 2 * SHOWN_LENGTH + 2)];
  return characters.length > SHOWN_LENGTH
    ? `${characters.slice(0, SHOWN_LENGTH).join("")}…`
    : value;
}

/** A value, or its problem: the rest of a sentence, such as `must be a duration`. */
export type Parsed<Value> =
  | { readonly value: Value; readonly problem?: undefined }
  | { readonly problem: Complaint; readonly value?: undefined };
