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
}

/** A place in a config. */
export type Place = Pick<Problem, "source" | "line" | "column" | "path">;

/** Maximum number of problems in a message; a list of URLs can have thousands. */
const SHOWN_PROBLEMS = 20;

/** Number of problems after which no further task is checked. */
const ENOUGH_PROBLEMS = 1_000;

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
  /** At least one, at most the first 1,000. */
  readonly problems: readonly Problem[];

  /**
   * Creates an error with the code of the first problem and one line for each of the first 20.
   *
   * @param problems In the order of the sources.
   * @param unlisted Number of further problems.
   * @param unchecked Number of tasks that were not checked.
   */
  constructor(problems: readonly [Problem, ...Problem[]], unlisted = 0, unchecked = 0) {
    const lines = problemLines(problems, unlisted);
    if (unchecked > 0) lines.push(`${lines.pop()}; the other ${unchecked} tasks were not checked`);
    super(problems[0].code, lines.join("\n"));
    this.problems = problems;
  }
}

/** Formats the first 20 problems, one line each, and the number of the others. */
export function problemLines(problems: readonly Problem[], unlisted: number): string[] {
  const lines = problems.slice(0, SHOWN_PROBLEMS).map(formatProblem);
  const more = problems.length - lines.length + unlisted;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

/** Formats a problem as compilers do: `file:line:column: path message`. */
export function formatProblem(problem: Problem): string {
  const subject = problem.path === "" ? "" : `${problem.path} `;
  return escapeControl(`${formatPlace(problem)}: ${subject}${problem.message}`);
}

/** Formats a place as `file:line:column`, as far as known. */
export function formatPlace({ source, line, column }: Place): string {
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
export const SHOWN_LENGTH = 60;

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
  | { readonly problem: string; readonly value?: undefined };
