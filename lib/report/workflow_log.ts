/**
 * The log of a GitHub Actions step. The runner executes commands that it finds in the log, so text is
 * escaped such that it contains none.
 */

import type { Output } from "../core/host.ts";

/** The commands that cronfetch uses. Text cannot contain any command of the runner. */
export type WorkflowCommand = "error" | "warning" | "group" | "endgroup";

/** What the runner trims from the start of a line before it looks for a command. */
const BLANK = /[\s\u0085]/;

/**
 * An output whose text cannot hold a workflow command.
 *
 * The runner reads both streams of a step by lines. A line is a command if it starts with `::` after
 * blanks, or, in an older form, if it contains `##[` (`ActionCommand.TryParseV2` and `TryParse` of
 * actions/runner). One character of either is written as `\u003a` or `\u005b`, which keeps the value
 * of JSON: there these sequences occur only inside strings.
 */
export class WorkflowLog implements Output {
  readonly #output: Output;
  /** Whether the line so far has only blanks and at most one colon. */
  #atStart = true;
  /** The last two characters of the line. */
  #last = "";

  /** Writes to `output`, a stream of a step. */
  constructor(output: Output) {
    this.#output = output;
  }

  /** Writes text, which may start or end within a line. */
  write(text: string): boolean {
    return this.#output.write(this.#withoutCommands(text));
  }

  /**
   * Writes a command on its own line.
   *
   * @param data The message; any text.
   * @param properties Parameters by name; any text.
   */
  command(
    name: WorkflowCommand,
    data = "",
    properties: Readonly<Record<string, string>> = {},
  ): boolean {
    const list = Object.entries(properties).map(([key, value]) =>
      `${key}=${escapeProperty(value)}`
    );
    const head = list.length === 0 ? name : `${name} ${list.join(",")}`;
    const before = this.#last === "" ? "" : "\n";
    this.#atStart = true;
    this.#last = "";
    return this.#output.write(`${before}::${head}::${escapeData(data)}\n`);
  }

  /** See {@linkcode Output}. */
  ready(): Promise<void> | null {
    return this.#output.ready();
  }

  /** See {@linkcode Output}. */
  end(patienceMs: number, signal: AbortSignal): Promise<boolean> {
    return this.#output.end(patienceMs, signal);
  }

  /** See {@linkcode Output}. */
  isTerminal(): boolean {
    return this.#output.isTerminal();
  }

  /** See {@linkcode Output}. */
  columns(): number {
    return this.#output.columns();
  }

  #withoutCommands(text: string): string {
    let safe = "";
    for (const character of text) safe += this.#next(character);
    return safe;
  }

  #next(character: string): string {
    const last = this.#last;
    if (character === "\n" || character === "\r") {
      this.#atStart = true;
      this.#last = "";
      return character;
    }
    this.#last = last.slice(-1) + character;
    if (character === "[" && last === "##") return "\\u005b";
    if (!this.#atStart || BLANK.test(character)) return character;
    if (character !== ":") {
      this.#atStart = false;
      return character;
    }
    if (!last.endsWith(":")) return character;
    this.#atStart = false;
    return "\\u003a";
  }
}

/** Escapes the message of a command. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/** Escapes the value of a parameter of a command. */
function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
