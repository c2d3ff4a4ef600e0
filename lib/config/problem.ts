/** What is wrong with a config, and where. */

import { CronfetchError } from "../core/errors.ts";
import type { ErrorCode } from "../core/errors.ts";

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

/** Problems told in an error's message; a list of URLs can hold thousands. */
const TOLD = 20;

/** A config that cannot be used. Carries every mistake, in the order of the sources. */
export class ConfigError extends CronfetchError {
  /** At least one. */
  readonly problems: readonly Problem[];

  /** Makes an error of the first problem's code that tells all of them, a line each. */
  constructor(problems: readonly [Problem, ...Problem[]]) {
    const told = problems.slice(0, TOLD).map(formatProblem);
    const untold = problems.length - told.length;
    if (untold > 0) told.push(`and ${untold} more`);
    super(problems[0].code, told.join("\n"));
    this.problems = problems;
  }
}

/** Writes a problem as compilers do: `file:line:column: what is wrong, what is allowed`. */
export function formatProblem(problem: Problem): string {
  const subject = problem.path === "" ? "" : `${problem.path} `;
  return escapeControls(`${formatPlace(problem)}: ${subject}${problem.message}`);
}

/** Writes where something is: `file:line:column`, as far as it is known. */
export function formatPlace({ source, line, column }: Place): string {
  return [source, line, column].filter((part) => part !== null).join(":");
}

/** Writes a path as JavaScript would: `tasks[3].headers["x y"]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const name = String(part);
    if (!/^[\w$-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

/** Longest value that is shown whole, in characters. */
const SHOWN_LENGTH = 60;

/** Writes a value of the config in quotes: shortened, nothing in it can move a terminal's cursor. */
export function show(value: string): string {
  const characters = [...value];
  const cut = characters.length > SHOWN_LENGTH;
  const text = cut ? `${characters.slice(0, SHOWN_LENGTH).join("")}…` : value;
  return `"${escapeControls(text)}"`;
}

/** Replaces what a terminal or a log would act on by `\u{…}`: controls, and marks of direction. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
