/** A model of a terminal: the visible lines after some writes. */

import { displayWidth } from "../../lib/report/format.ts";

/** Interprets the text and sequences that the live view uses. */
export class TerminalModel {
  readonly #columns: number;
  readonly #rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  #wrap = true;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** The visible lines, without empty ones at the end. */
  get lines(): string[] {
    return this.text.split("\n");
  }

  get text(): string {
    return this.#rows.map((cells) => cells.join("").trimEnd()).join("\n").trimEnd();
  }

  /** Row and column of the cursor, and whether wrapping is on. */
  get state(): { row: number; column: number; wrap: boolean } {
    return { row: this.#row, column: this.#column, wrap: this.#wrap };
  }

  write(text: string): this {
    let rest = text;
    while (rest !== "") {
      const sequence = rest.startsWith("\x1b[") && /^(\??\d*)([A-Za-z])/.exec(rest.slice(2));
      if (sequence) {
        const [whole, parameter = "", final = ""] = sequence;
        this.#control(parameter, final);
        rest = rest.slice(2 + whole.length);
        continue;
      }
      const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
      this.#put(character);
      rest = rest.slice(character.length);
    }
    return this;
  }

  #control(parameter: string, final: string): void {
    switch (final) {
      case "A":
        this.#row = Math.max(0, this.#row - Math.max(1, Number(parameter)));
        break;
      case "J":
        this.#rows.length = this.#row + 1;
        this.#line().length = Math.min(this.#line().length, this.#column);
        break;
      case "K":
        this.#line().length = Math.min(this.#line().length, this.#column);
        break;
      case "h":
      case "l":
        if (parameter !== "?7") throw new Error(`Unknown mode ${parameter}`);
        this.#wrap = final === "h";
        break;
      case "m":
        break;
      default:
        throw new Error(`Unknown sequence ${parameter}${final}`);
    }
  }

  #put(character: string): void {
    if (character === "\n") {
      this.#nextRow();
      return;
    }
    if (character === "\r") {
      this.#column = 0;
      return;
    }
    if (character < " ") throw new Error(`Control character ${character.charCodeAt(0)}`);
    const width = displayWidth(character);
    if (this.#column + width > this.#columns) {
      if (this.#wrap) this.#nextRow();
      else this.#column = this.#columns - width;
    }
    const line = this.#line();
    while (line.length < this.#column) line.push(" ");
    line[this.#column] = character;
    if (width === 2) line[this.#column + 1] = "";
    this.#column += width;
  }

  #nextRow(): void {
    this.#row++;
    this.#column = 0;
    this.#line();
  }

  #line(): string[] {
    return this.#rows[this.#row] ??= [];
  }
}
