/**
 * The log of a GitHub Actions step, which is an input too: the runner carries
 * out commands that it finds in it. What is written here is either a command of
 * ours or text without any.
 */

import type { Output } from "../core/host.ts";

/** The commands that are used here; all of those that the runner knows are kept out of text. */
export type WorkflowCommand = "error" | "warning" | "group" | "endgroup";

/** What the runner takes off the start of a line before it looks for a command. */
const BLANK = /[\s\u0085]/;

/**
 * An output whose text cannot hold a workflow command.
 *
 * The runner reads both streams of a step by lines. A line is a command when it
 * starts with `::` after its blanks, and in an older form when `##[` stands
 * anywhere in it (`ActionCommand.TryParseV2` and `TryParse` of actions/runner).
 * So one character of either is written as `\u003a` or `\u005b`: that reads as
 * what it stands for, also to a parser of JSON, in which these characters can
 * follow each other within a string alone.
 */
export class WorkflowLog implements Output {
  readonly #output: Output;
  /** Whether the line has nothing but blanks so far, and perhaps one colon. */
  #atStart = true;
  /** The last two characters of the line. */
  #last = "";

  /** Writes to `output`, a stream of a step. */
  constructor(output: Output) {
    this.#output = output;
  }

  /** Writes text, which may begin or end within a line. */
  write(text: string): boolean {
    return this.#output.write(this.#withoutCommands(text));
  }

  /**
   * Writes a command, on a line of its own.
   *
   * @param data What it is about; any text.
   * @param properties Further values by name; any text.
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

  /** Whether a person looks at it now. */
  isTerminal(): boolean {
    return this.#output.isTerminal();
  }

  /** Width in characters. */
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

/** Data of a command as the runner unescapes it. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/** Value of a property of a command as the runner unescapes it. */
function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
