/** Regular expressions of a config, matched in linear time (RE2). */

import { errorMessage } from "./text.ts";

/** Compiles and matches the patterns of a config. */
export interface PatternEngine {
  /** Why a pattern is unusable, as the rest of a sentence; null if it is usable. */
  problemWith(pattern: string): string | null;
  /**
   * Whether a pattern, with the flags `mu`, matches somewhere in a text. `^` and `$` are the ends of
   * lines, with LF, CRLF or CR.
   *
   * @throws {Error} For a pattern that {@linkcode problemWith} rejects.
   */
  test(pattern: string, text: string): boolean;
  /**
   * Whether a pattern, without flags, matches a whole text or a part of it, as `match` and `search` of
   * JSONPath do (RFC 9535, sections 2.4.6 and 2.4.7); false for a pattern that is unusable.
   */
  find(pattern: string, text: string, extent: "whole" | "part"): boolean;
}

/**
 * Largest compiled pattern, in RE2 instructions. Matching takes at most this many steps per character:
 * seconds at worst for the first 64 KiB.
 */
const MAX_INSTRUCTIONS = 5_000;

/** Loads the engine: 260 kB of code that only a config with a pattern needs. */
export async function loadPatternEngine(): Promise<PatternEngine> {
  const { RE2JS } = await import("re2js");
  const compile = (pattern: string) =>
    RE2JS.compile(RE2JS.translateRegExp(pattern), RE2JS.MULTILINE);
  const lines = new Map<string, ReturnType<typeof compile>>();
  const plain = new Map<string, ReturnType<typeof compile> | null>();
  const compilePlain = (pattern: string) => {
    try {
      return RE2JS.compile(RE2JS.translateRegExp(pattern));
    } catch {
      return null;
    }
  };
  return {
    problemWith: (pattern) => {
      const unsupported = unsupportedSyntax(pattern);
      if (unsupported !== null) {
        const { what, index } = unsupported;
        return `may not hold ${what} (at character ${index + 1}); patterns are matched by RE2`;
      }
      try {
        return compile(pattern).programSize() > MAX_INSTRUCTIONS
          ? `is too large a pattern: repeat counts multiply it to more than ${MAX_INSTRUCTIONS} steps`
          : null;
      } catch (error) {
        const reason = errorMessage(error);
        // The engine quotes the pattern with its flag.
        const shown = reason.replace("error parsing regexp: ", "").replace("`(?m)", "`");
        return `must be a regular expression that RE2 supports: ${shown}`;
      }
    },
    test: (pattern, text) => {
      const compiled = lines.getOrInsertComputed(pattern, compile);
      // RE2 ends lines only at LF, and a pattern may contain the CR.
      return compiled.test(text) ||
        (text.includes("\r") && compiled.test(text.replaceAll(/\r\n?/g, "\n")));
    },
    find: (pattern, text, extent) => {
      const compiled = plain.getOrInsertComputed(pattern, compilePlain);
      return compiled !== null &&
        (extent === "whole" ? compiled.matches(text) : compiled.test(text));
    },
  };
}

/** Whether a path matches one of the globs, as a whole; any does if there are none. */
export function isIncluded(path: string, globs: readonly string[], engine: PatternEngine): boolean {
  return globs.length === 0 || globs.some((glob) => engine.find(globPattern(glob), path, "whole"));
}

/** The pattern of a glob: `*` and `?` do not match a slash, `**` matches any number of folders. */
function globPattern(glob: string): string {
  return glob.replaceAll(/\*\*\/|\*\*|\*|\?|[\\^$.|+()[\]{}]/g, (found) => {
    switch (found) {
      case "**/":
        return "(?:[^/]*/)*";
      case "**":
        return "[\\s\\S]*";
      case "*":
        return "[^/]*";
      case "?":
        return "[^/]";
      default:
        return `\\${found}`;
    }
  });
}

/** JavaScript syntax that RE2 lacks, by its start outside of character classes. */
const UNSUPPORTED: readonly (readonly [start: RegExp, what: string])[] = [
  [/\(\?[=!]/y, "a lookahead"],
  [/\(\?<[=!]/y, "a lookbehind"],
  [/\\[1-9]/y, "a backreference"],
  [/\\k</y, "a backreference"],
  [/\\[pP]\{[^{}=]*=/y, 'a Unicode property with "="'],
  [/\\u[dD][89a-fA-F]/y, "half of a surrogate pair"],
];

const REPEAT = /\{(\d+)(?:,(\d*))?\}/y;
/** RE2's limit, also for the product of nested counts. */
const MAX_REPEAT = 1_000;

/** The first part of a pattern that RE2 does not support, or null. */
function unsupportedSyntax(pattern: string): { what: string; index: number } | null {
  let isInClass = false;
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index];
    for (const [start, what] of isInClass ? [] : UNSUPPORTED) {
      start.lastIndex = index;
      if (start.test(pattern)) return { what, index };
    }
    REPEAT.lastIndex = index;
    const counts = isInClass ? null : REPEAT.exec(pattern);
    if (counts?.slice(1).some((count) => Number(count) > MAX_REPEAT)) {
      return { what: `a repeat count over ${MAX_REPEAT}`, index };
    }
    // The character after a backslash starts nothing.
    if (character === "\\") index++;
    else if (character === "[") isInClass = true;
    else if (character === "]") isInClass = false;
  }
  return null;
}
