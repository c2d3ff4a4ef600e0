/** What is wrong with a config, and where. */

import { CronfetchError, type ErrorCode } from "../core/errors.ts";
import { escapeControl } from "../core/text.ts";

/** One mistake. */
export interface Problem {
  /** What kind of mistake; a `config.` code. */
  readonly code: ErrorCode;
  /** The file as it was given, or found; or the flag, variable or argument. */
  readonly source: string;
  /** From 1; null where a source has no lines. */
  readonly line: number | null;
  /** From 1, in UTF-16 units as editors count; null where a source has no lines. */
  readonly column: number | null;
  /** Where in the config: `tasks[3].expect.minSize`. Empty for the whole source. */
  readonly path: string;
  /** The rest of a sentence that begins with the path: `must be true or false`. */
  readonly message: string;
}

/** Somewhere in a config. */
export type Place = Pick<Problem, "source" | "line" | "column" | "path">;

/** Problems in an error's message; a list of URLs can hold thousands. */
const SHOWN_PROBLEMS = 20;

/** Problems after which no further task is checked. */
const ENOUGH_PROBLEMS = 1_000;

/** Collects the problems of a config. Its cost is bounded, however many mistakes there are. */
export class ProblemList {
  /** The first ones, in the order in which they were found. */
  readonly listed: Problem[] = [];
  /** How many problems were found after the listed ones. */
  unlisted = 0;
  /** How many tasks were not checked, because there are enough problems. */
  unchecked = 0;

  /** Whether checking more of the config would only take time. */
  get isFull(): boolean {
    return this.listed.length >= ENOUGH_PROBLEMS;
  }

  /** Adds a problem; `make` is called only if it is listed. */
  add(make: () => Problem): void {
    if (this.isFull) this.unlisted++;
    else this.listed.push(make());
  }
}

/** A config that cannot be used. Carries its mistakes, in the order of the sources. */
export class ConfigError extends CronfetchError {
  /** At least one, and of very many the first 1,000. */
  readonly problems: readonly Problem[];

  /**
   * Makes an error of the first problem's code. Its message has a line for each of the first 20.
   *
   * @param unlisted How many more problems there are.
   * @param unchecked How many tasks were not checked.
   */
  constructor(problems: readonly [Problem, ...Problem[]], unlisted = 0, unchecked = 0) {
    const lines = problemLines(problems, unlisted);
    if (unchecked > 0) lines.push(`${lines.pop()}; the other ${unchecked} tasks were not checked`);
    super(problems[0].code, lines.join("\n"));
    this.problems = problems;
  }
}

/** The first 20 problems, a line each, and how many more there are. */
export function problemLines(problems: readonly Problem[], unlisted: number): string[] {
  const lines = problems.slice(0, SHOWN_PROBLEMS).map(formatProblem);
  const more = problems.length - lines.length + unlisted;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

/** Writes a problem as compilers do: `file:line:column: what is wrong, what is allowed`. */
export function formatProblem(problem: Problem): string {
  const subject = problem.path === "" ? "" : `${problem.path} `;
  return escapeControl(`${formatPlace(problem)}: ${subject}${problem.message}`);
}

/** Writes where something is: `file:line:column`, as far as it is known. */
export function formatPlace({ source, line, column }: Place): string {
  return [source, line, column].filter((part) => part !== null).join(":");
}

/** Writes a path as JavaScript would: `tasks[3].headers["x y"]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const name = shortened(String(part));
    if (!/^[\w$-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

/** Longest value that is shown whole, in characters. */
export const SHOWN_LENGTH = 60;

/** Writes a value of the config in quotes: shortened, nothing in it can move a terminal's cursor. */
export function quote(value: string): string {
  return `"${escapeControl(shortened(value))}"`;
}

/** The beginning of a long text. A character has at most two UTF-16 units, so no more is read. */
function shortened(value: string): string {
  if (value.length <= SHOWN_LENGTH) return value;
  const characters = [...value.slice(0, 2 * SHOWN_LENGTH + 2)];
  return characters.length > SHOWN_LENGTH
    ? `${characters.slice(0, SHOWN_LENGTH).join("")}…`
    : value;
}

/** A value, or what is wrong: the rest of a sentence such as `must be a duration`. */
export type Parsed<Value> =
  | { readonly value: Value; readonly problem?: undefined }
  | { readonly problem: string; readonly value?: undefined };
