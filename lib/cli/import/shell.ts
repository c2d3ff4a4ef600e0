/** Splits shell text into commands and words, without executing or expanding anything. */

/** A part of a word. */
export type WordPart =
  /** Literal text, without its quotes. */
  | string
  /** `$NAME` or `${NAME}`. */
  | { readonly variable: string }
  /** The text of `$(…)` or backquotes. */
  | { readonly command: string }
  /** Another expansion, as written: `$1`, `${NAME:-x}`, `$((1+1))`. */
  | { readonly expansion: string };

/** A word of a command. */
export type Word = readonly WordPart[];

/** A simple command (POSIX.1-2024, Shell Command Language, 2.9.1). */
export interface ShellCommand {
  readonly assignments: readonly (readonly [name: string, value: Word])[];
  /** The command and its arguments, with reserved words such as `if` in front; may be empty. */
  readonly words: readonly Word[];
  /** The file that standard output is redirected to; null if it is not. */
  readonly stdout: Word | null;
  /** Whether another command reads its standard output. */
  readonly isPiped: boolean;
  /** The line that it begins in, from 1. */
  readonly line: number;
}

/** Splits a text into its commands. Text that is not valid shell has some commands too. */
export function parseShell(text: string): ShellCommand[] {
  return new ShellReader(CARET_QUOTES.test(text) ? withoutCarets(text) : text).commands();
}

/**
 * What browsers copy as a command line of cmd.exe: carets escape the quotes too, as in
 * `curl ^"https://example.org/?a=1^&b=2^" ^`.
 */
const CARET_QUOTES = /\bcurl(?:\.exe)? \^"/;

/** Removes the carets that escape a character; those before the end of a line continue it. */
function withoutCarets(text: string): string {
  return text.replace(/\^([^\r\n])/g, "$1");
}

/** The literal text of a word; null if it has other parts. */
export function literalOf(word: Word): string | null {
  return word.every((part) => typeof part === "string") ? word.join("") : null;
}

/** Words that an assignment may follow. */
const BEFORE_ASSIGNMENT: ReadonlySet<string> = new Set([
  ...["!", "do", "elif", "else", "if", "then", "until", "while", "{"],
  ...["declare", "export", "local", "readonly"],
]);

/** Whether an assignment may follow a word, and last beyond its command. */
export function precedesAssignment(word: Word): boolean {
  return BEFORE_ASSIGNMENT.has(literalOf(word) ?? "");
}

/** What ends a word without quotes. */
const WORD_END = " \t\r\n;&|<>()";

/** Escapes of `$'…'` with one character. */
const ANSI_ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

const CODE_ESCAPE = /(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|([0-7]{1,3}))/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=/;

/** A command that is being read. */
interface OpenCommand {
  assignments: [string, Word][];
  words: Word[];
  stdout: Word | null;
  line: number;
}

class ShellReader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #counted = 0;
  readonly #commands: ShellCommand[] = [];
  #open: OpenCommand | null = null;
  /** Delimiters of here-documents whose bodies follow the current line. */
  #documents: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  commands(): ShellCommand[] {
    while (this.#at < this.#text.length) this.#step();
    this.#end(false);
    return this.#commands;
  }

  /** Reads one word, operator or comment. */
  #step(): void {
    const here = this.#here();
    if (here === " " || here === "\t" || here === "\r") this.#at++;
    else if (this.#isContinuation()) this.#at = this.#text.indexOf("\n", this.#at) + 1;
    else if (here === "\n") {
      this.#at++;
      this.#end(false);
      this.#skipDocuments();
    } else if (here === "#") this.#at = this.#find("\n", this.#at);
    else if (here === "&" && this.#text[this.#at + 1] === ">") {
      this.#at++;
      this.#redirect("");
    } else if (";&|()".includes(here)) this.#operator(here);
    else if (here === "<" || here === ">") this.#redirect("");
    else this.#word();
  }

  #here(): string {
    return this.#text[this.#at] ?? "";
  }

  /** A backslash, or the caret of cmd.exe, before the end of a line. */
  #isContinuation(): boolean {
    const here = this.#here();
    return (here === "\\" || here === "^") &&
      /^\r?\n/.test(this.#text.slice(this.#at + 1, this.#at + 3));
  }

  #operator(operator: string): void {
    const isDouble = this.#text[this.#at + 1] === operator;
    this.#at += isDouble ? 2 : 1;
    this.#end(operator === "|" && !isDouble);
  }

  /** Reads `>`, `>>`, `<`, `<<`, `>&1` and the like, after the number of the file descriptor. */
  #redirect(descriptor: string): void {
    const direction = this.#here();
    let operator = "";
    while (this.#at < this.#text.length && "<>&|-".includes(this.#here())) {
      operator += this.#here();
      this.#at++;
    }
    while (this.#here() === " " || this.#here() === "\t") this.#at++;
    const target = this.#readWord();
    if (operator.startsWith("<<") && !operator.startsWith("<<<")) {
      this.#documents.push(literalOf(target) ?? "");
    } else if (direction === ">" && (descriptor === "" || descriptor === "1")) {
      if (!operator.includes("&")) this.#current().stdout = target;
    }
  }

  #word(): void {
    const command = this.#current();
    const start = this.#at;
    const word = this.#readWord();
    if (this.#at === start) this.#at++;
    // A number directly before a redirection is a file descriptor.
    const digits = literalOf(word) ?? "";
    if (/^[0-9]$/.test(digits) && "<>".includes(this.#here()) && this.#here() !== "") {
      return this.#redirect(digits);
    }
    const [first] = word;
    const name = typeof first === "string" ? ASSIGNMENT.exec(first) : null;
    if (name === null || !command.words.every(precedesAssignment)) {
      command.words.push(word);
      return;
    }
    const value = [String(first).slice(name[0].length), ...word.slice(1)];
    command.assignments.push([name[1] ?? "", value.filter((part) => part !== "")]);
  }

  /** Reads a word up to a blank or an operator outside of quotes. */
  #readWord(): Word {
    const parts: WordPart[] = [];
    const add = (part: WordPart) => {
      const last = parts.at(-1);
      if (typeof part === "string" && typeof last === "string") {
        parts[parts.length - 1] = last + part;
      } else parts.push(part);
    };
    if (/^~(?:[/\s]|$)/.test(this.#text.slice(this.#at, this.#at + 2))) {
      add({ variable: "HOME" });
      this.#at++;
    }
    while (this.#at < this.#text.length && !WORD_END.includes(this.#here())) {
      const here = this.#here();
      if (this.#isContinuation()) this.#at = this.#text.indexOf("\n", this.#at) + 1;
      else if (here === "\\") add(this.#take(2).slice(1));
      else if (here === "'") add(this.#singleQuoted());
      else if (here === '"') this.#doubleQuoted(add);
      else if (here === "$" && this.#text[this.#at + 1] === "'") add(this.#ansiQuoted());
      else if (here === "$" && this.#text[this.#at + 1] === '"') this.#at++;
      else if (here === "$") add(this.#dollar());
      else if (here === "`") add(this.#backquoted());
      else add(this.#take(1));
    }
    return parts.length === 0 ? [""] : parts;
  }

  #take(length: number): string {
    const taken = this.#text.slice(this.#at, this.#at + length);
    this.#at += taken.length;
    return taken;
  }

  /** Index of a text, or the end of the whole text. */
  #find(text: string, from: number): number {
    const index = this.#text.indexOf(text, from);
    return index < 0 ? this.#text.length : index;
  }

  #singleQuoted(): string {
    const end = this.#find("'", this.#at + 1);
    const quoted = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return quoted;
  }

  #doubleQuoted(add: (part: WordPart) => void): void {
    this.#at++;
    add("");
    while (this.#at < this.#text.length && this.#here() !== '"') {
      const next = this.#text[this.#at + 1] ?? "";
      if (this.#here() === "\\" && next !== "" && '$`"\\\n'.includes(next)) {
        const escaped = this.#take(2).slice(1);
        if (escaped !== "\n") add(escaped);
      } else if (this.#here() === "$") add(this.#dollar());
      else if (this.#here() === "`") add(this.#backquoted());
      else add(this.#take(1));
    }
    this.#at++;
  }

  /** Reads `$'…'` (POSIX.1-2024, 2.2.4). */
  #ansiQuoted(): string {
    this.#at += 2;
    let text = "";
    while (this.#at < this.#text.length && this.#here() !== "'") {
      if (this.#here() !== "\\") {
        text += this.#take(1);
        continue;
      }
      this.#at++;
      CODE_ESCAPE.lastIndex = this.#at;
      const code = CODE_ESCAPE.exec(this.#text);
      if (code !== null) {
        const [all, hex, unicode, octal = ""] = code;
        text += String.fromCharCode(parseInt(hex ?? unicode ?? octal, octal === "" ? 16 : 8));
        this.#at += all.length;
      } else {
        const letter = this.#take(1);
        text += ANSI_ESCAPES[letter] ?? letter;
      }
    }
    this.#at++;
    return text;
  }

  #dollar(): WordPart {
    const start = this.#at;
    const next = this.#text[start + 1] ?? "";
    if (next === "(") {
      const inner = this.#balanced("(", ")");
      return inner.startsWith("(") ? { expansion: `$(${inner})` } : { command: inner };
    }
    if (next === "{") {
      const inner = this.#balanced("{", "}");
      return /^[A-Za-z_][A-Za-z0-9_]*$/.test(inner)
        ? { variable: inner }
        : { expansion: `\${${inner}}` };
    }
    NAME.lastIndex = start + 1;
    const [name] = NAME.exec(this.#text) ?? [];
    if (name !== undefined) {
      this.#at += 1 + name.length;
      return { variable: name };
    }
    if (/[0-9@*#?$!-]/.test(next)) return { expansion: this.#take(2) };
    return this.#take(1);
  }

  /** Reads the text between `$(` or `${` and its end; quotes and nested pairs belong to it. */
  #balanced(open: string, close: string): string {
    const start = this.#at + 2;
    let depth = 1;
    let at = start;
    for (; at < this.#text.length; at++) {
      const here = this.#text[at];
      if (here === "\\") at++;
      else if (here === "'" || here === '"') at = this.#find(here, at + 1);
      else if (here === open) depth++;
      else if (here === close && --depth === 0) break;
    }
    this.#at = at + 1;
    return this.#text.slice(start, at);
  }

  #backquoted(): WordPart {
    const end = this.#find("`", this.#at + 1);
    const command = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return { command };
  }

  #current(): OpenCommand {
    // Each line feed is counted once.
    for (; this.#counted < this.#at; this.#counted++) {
      if (this.#text[this.#counted] === "\n") this.#line++;
    }
    return this.#open ??= { assignments: [], words: [], stdout: null, line: this.#line };
  }

  #end(isPiped: boolean): void {
    if (this.#open !== null) this.#commands.push({ ...this.#open, isPiped });
    this.#open = null;
  }

  /** Skips the here-documents that begin in this line. */
  #skipDocuments(): void {
    for (const delimiter of this.#documents) {
      while (this.#at < this.#text.length) {
        const end = this.#find("\n", this.#at);
        const line = this.#text.slice(this.#at, end).trim();
        this.#at = end + 1;
        if (line === delimiter) break;
      }
    }
    this.#documents = [];
  }
}
