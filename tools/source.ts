/**
 * A minimal TypeScript scanner for tests: code, imports and regular expressions of a source.
 */

/** An import of a module. */
export interface Import {
  /** The text between the quotes. */
  readonly specifier: string;
  /** Whether it is erased with types: `import type`, `export type … from`. */
  readonly typeOnly: boolean;
  /** Imported names, as exported; `*` for all. */
  readonly names: readonly string[];
}

/**
 * After one of these a slash starts a regular expression, not a division. Not after `<`, where it
 * closes a JSX element.
 */
const BEFORE_PATTERN =
  /[([{,;=:!&|?+\-*%>~^]$|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield|throw)$/;

/**
 * Blanks every comment, and the inside of every string, template and regular expression; the length
 * and the lines stay the same. Code in `${}` of templates is kept.
 */
export function codeOf(source: string): string {
  return scan(source, () => {});
}

/**
 * The source with its code blanked: comments and the inside of strings, templates and regular
 * expressions are left, at their positions. The rest is spaces and line feeds.
 *
 * @param isJsx Keeps the text between JSX tags too.
 */
export function proseOf(source: string, isJsx: boolean): string {
  const code = codeOf(source);
  let prose = "";
  let start = 0;
  // Code is followed by a mark, so that phrases do not span it.
  for (const { index, 0: part } of code.matchAll(/[^\s]+/g)) {
    prose += source.slice(start, index) + part.replace(/./g, "\0");
    start = index + part.length;
  }
  prose += source.slice(start);
  if (!isJsx) return prose;
  // Text between tags has no semicolon or equals sign, unlike most code between a `>` and a `<`.
  for (const { index, 0: text } of code.matchAll(/(?<=[>}])[^<>{}=;]*(?=[<{])/g)) {
    const end = index + text.length;
    prose = prose.slice(0, index) + source.slice(index, end) + prose.slice(end);
  }
  return prose;
}

/** A regular expression literal of a source. */
export interface PatternLiteral {
  /** Between the slashes. */
  readonly source: string;
  /** After the second slash. */
  readonly flags: string;
}

/** Every regular expression literal of a source, in order. */
export function patternsOf(source: string): PatternLiteral[] {
  const found: PatternLiteral[] = [];
  scan(source, (start, end) => {
    const flags = /^[a-z]*/.exec(source.slice(end + 1, end + 10))?.[0] ?? "";
    found.push({ source: source.slice(start, end), flags });
  });
  return found;
}

/** Blanks everything except code, and reports the bounds of each regular expression. */
function scan(source: string, pattern: (start: number, end: number) => void): string {
  let code = "";
  /** Depths of braces at which a template continues. */
  const templates: number[] = [];
  let depth = 0;

  const keep = (length: number) => code += source.slice(code.length, code.length + length);
  const blank = (end: number) => {
    code += source.slice(code.length, end).replace(/[^\n]/g, " ");
  };
  const quoted = (end: number) => {
    keep(1);
    blank(end);
    keep(1);
  };
  const template = () => {
    const end = endOf(source, code.length, /`|\$\{/);
    blank(end);
    const hasCode = source[end] === "$";
    keep(hasCode ? 2 : 1);
    if (hasCode) templates.push(depth++);
  };

  while (code.length < source.length) {
    const at = code.length;
    const here = source[at];
    const two = source.slice(at, at + 2);
    if (two === "//") blank(endOf(source, at, /$/m));
    else if (two === "/*") blank(endOf(source, at, /\*\//) + 2);
    else if (here === '"' || here === "'") quoted(endOf(source, at + 1, here === '"' ? /"/ : /'/));
    else if (here === "/" && beginsPattern(code)) {
      const end = endOfPattern(source, at + 1);
      pattern(at + 1, end);
      quoted(end);
    } else if (here === "`") {
      keep(1);
      template();
    } else if (here === "}" && templates.at(-1) === depth - 1) {
      depth--;
      templates.pop();
      keep(1);
      template();
    } else {
      if (here === "{") depth++;
      if (here === "}") depth--;
      keep(1);
    }
  }
  return code;
}

function beginsPattern(code: string): boolean {
  const before = code.trimEnd();
  return before === "" || BEFORE_PATTERN.test(before.slice(-12));
}

/** Index of the first match from `start` that is not escaped; else the end. */
function endOf(source: string, start: number, what: RegExp): number {
  const either = new RegExp(`\\\\[^]|${what.source}`, `g${what.flags}`);
  either.lastIndex = start;
  for (let match = either.exec(source); match !== null; match = either.exec(source)) {
    if (!match[0].startsWith("\\")) return match.index;
  }
  return source.length;
}

/** Index of the slash that ends a regular expression: neither escaped nor in a class. */
function endOfPattern(source: string, start: number): number {
  const end = endOf(source, start, /\/|\[/);
  return source[end] === "[" ? endOfPattern(source, endOf(source, end, /\]/)) : end;
}

/** The forms of imports, each up to the opening quote of the specifier. */
const STATIC =
  /\b(?:import|export)\s+(type\s+)?((?:[\w$]+\s*,\s*)?(?:\{[^{}]*\}|\*(?:\s*as\s+[\w$]+)?)|[\w$]+)\s*from\s*["']/g;
const BARE = /\bimport\s*["']/g;
const DYNAMIC = /\bimport\s*\(\s*["']/g;
const WORKER = /\bnew\s+URL\s*\(\s*["'](?=[^"']*["']\s*,\s*import\.meta\.url)/g;

/** Every import with a literal specifier, in the order of the forms: static, bare, dynamic, worker. */
export function importsOf(source: string): Import[] {
  const code = codeOf(source);
  const specifier = (match: RegExpExecArray) => {
    const start = match.index + match[0].length;
    return source.slice(start, endOf(source, start, /["']/));
  };
  const found: Import[] = [];
  for (const match of code.matchAll(STATIC)) {
    found.push({
      specifier: specifier(match),
      typeOnly: match[1] !== undefined,
      names: namesIn(match[2] ?? ""),
    });
  }
  for (const form of [BARE, DYNAMIC, WORKER]) {
    for (const match of code.matchAll(form)) {
      found.push({ specifier: specifier(match), typeOnly: false, names: ["*"] });
    }
  }
  return found;
}

function namesIn(clause: string): string[] {
  const braces = /\{([^}]*)\}/.exec(clause);
  if (braces === null) return ["*"];
  return (braces[1] ?? "").split(",").flatMap((part) => {
    const name = /^\s*(?:type\s+)?([\w$]+)/.exec(part)?.[1];
    return name === undefined ? [] : [name];
  });
}
