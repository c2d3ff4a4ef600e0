/**
 * Reads TypeScript as far as the architecture test needs it: what is code, and what it imports.
 */

/** One arrow from a module to another. */
export interface Import {
  /** What stands between the quotes. */
  readonly specifier: string;
  /** Whether it vanishes when types do: `import type`, `export type … from`. */
  readonly typeOnly: boolean;
  /** Names it asks for, as the other module spells them; `*` for all of them. */
  readonly names: readonly string[];
}

/**
 * After one of these a slash begins a regular expression, not a division. Not after `<`, where it
 * ends an element of JSX; nobody compares with a regular expression.
 */
const BEFORE_PATTERN =
  /[([{,;=:!&|?+\-*%>~^]$|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield|throw)$/;

/**
 * The source with every comment blanked, and the inside of every string, template and regular
 * expression: same length, same lines, only code is left. What a template has in `${}` is code.
 */
export function codeOf(source: string): string {
  return scan(source, () => {});
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

/** Blanks what is not code, and reports where each regular expression starts and ends. */
function scan(source: string, pattern: (start: number, end: number) => void): string {
  let code = "";
  /** Depths of braces at which a template goes on. */
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
    const goesOn = source[end] === "$";
    keep(goesOn ? 2 : 1);
    if (goesOn) templates.push(depth++);
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

/** Where the first match from `start` on begins that no backslash precedes; else the end. */
function endOf(source: string, start: number, what: RegExp): number {
  const either = new RegExp(`\\\\[^]|${what.source}`, `g${what.flags}`);
  either.lastIndex = start;
  for (let match = either.exec(source); match !== null; match = either.exec(source)) {
    if (!match[0].startsWith("\\")) return match.index;
  }
  return source.length;
}

/** Where a regular expression ends: at a slash that is neither escaped nor in a class. */
function endOfPattern(source: string, start: number): number {
  const end = endOf(source, start, /\/|\[/);
  return source[end] === "[" ? endOfPattern(source, endOf(source, end, /\]/)) : end;
}

/** The ways to name another module. Of each the first quote is the specifier's. */
const STATIC =
  /\b(?:import|export)\s+(type\s+)?((?:[\w$]+\s*,\s*)?(?:\{[^{}]*\}|\*(?:\s*as\s+[\w$]+)?)|[\w$]+)\s*from\s*["']/g;
const BARE = /\bimport\s*["']/g;
const DYNAMIC = /\bimport\s*\(\s*["']/g;
const WORKER = /\bnew\s+URL\s*\(\s*["'](?=[^"']*["']\s*,\s*import\.meta\.url)/g;

/** Every module the source names by a literal, in the order of the forms: static, bare, dynamic. */
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
