import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { isIncluded, loadPatternEngine } from "../../lib/core/pattern.ts";

const { problemWith, test } = await loadPatternEngine();

const MATCHES: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
  ["^date,", "date,rate\n", true],
  ["^date,", "\nx\ndate,rate", true],
  ["^date,", "x date,rate", false],
  ["^rate$", "date\r\nrate\r\n", true],
  ["^rate$", "date\rrate\r", true],
  ["a\\r\\nb", "a\r\nb", true],
  ["^a.b$", "a😀b", true],
  ["^\\u00e4\\u{1F600}\\x41$", "ä😀A", true],
  ["[\\u{1F600}-\\u{1F64F}]", "😀", true],
  ["\\p{Lu}\\P{Lu}", "aBc", true],
  ["\\p{Greek}", "λ", true],
  ["(?<year>\\d{4})-\\d\\d", "2026-01", true],
  ["(?i)^DATE", "date", true],
  ["a\\/b", "a/b", true],
  ["[(?=]", "=", true],
  ["\\(?=1", "(=1", true],
  ["\\\\1", "\\1", true],
  ["a{1000}", "a".repeat(1_000), true],
  ["a{1000}", "a".repeat(999), false],
  ["^[^]b", "\nb", true],
];

Deno.test("PatternEngine.test: flags mu, line ends of all kinds, and JavaScript's escapes", () => {
  for (const [pattern, text, matches] of MATCHES) {
    assertEquals(problemWith(pattern), null, pattern);
    assertEquals(test(pattern, text), matches, `${pattern} in ${JSON.stringify(text)}`);
  }
});

const REFUSED: readonly (readonly [pattern: string, problem: string])[] = [
  ["a(?=b)", "may not hold a lookahead (at character 2)"],
  ["(?!b)", "may not hold a lookahead (at character 1)"],
  ["x(?<=a)b", "may not hold a lookbehind (at character 2)"],
  ["x(?<!a)b", "may not hold a lookbehind (at character 2)"],
  ["(a)\\1", "may not hold a backreference (at character 4)"],
  ["(?<q>a)\\k<q>", "may not hold a backreference (at character 8)"],
  ["[\\]](?=b)", "may not hold a lookahead (at character 5)"],
  ["\\\\(?=b)", "may not hold a lookahead (at character 3)"],
  ["a{1001}", "may not hold a repeat count over 1000 (at character 2)"],
  ["a{1,9999999999}", "may not hold a repeat count over 1000 (at character 2)"],
  ["a{5000,}", "may not hold a repeat count over 1000 (at character 2)"],
  ["(a{100}){100}", "must be a regular expression that RE2 supports: invalid repeat count"],
  [".{1000}".repeat(6), "is too large a pattern"],
  ["\\p{Script=Greek}", 'may not hold a Unicode property with "=" (at character 1)'],
  ["\\ud83d\\ude00", "may not hold half of a surrogate pair (at character 1)"],
  ["(", "must be a regular expression that RE2 supports: missing closing ): `(`"],
  ["[a", "must be a regular expression that RE2 supports: missing closing ]"],
  ["a**", "must be a regular expression that RE2 supports: invalid nested repetition"],
];

Deno.test("PatternEngine.problemWith: names unsupported syntax and its position", () => {
  for (const [pattern, problem] of REFUSED) {
    assertStringIncludes(problemWith(pattern) ?? "accepted", problem);
  }
  assertThrows(() => test("(", ""));
});

/** Patterns that a backtracking engine matches in exponential or cubic time, and their texts. */
const EVIL: readonly (readonly [pattern: string, text: string])[] = [
  ["^(\\w+\\s?)*$", "word ".repeat(10_000) + "!"],
  ["(a+)+$", "a".repeat(50_000) + "!"],
  ["^(a|aa)+$", "a".repeat(50_000) + "!"],
  ["(x+x+)+y", "x".repeat(50_000)],
  ["^(.*?,){11}P", "1,".repeat(25_000)],
  ["(.*a){50}$", "a".repeat(50_000) + "!"],
  ["^(([a-z])+.)+[A-Z]([a-z])+$", "a".repeat(50_000)],
  ["\\s+$", " ".repeat(50_000) + "!"],
];

/** The longest wait for a thread that is blocked, in milliseconds; a stuck engine takes years. */
const PATIENCE_MS = 60_000;

Deno.test("row 139: patterns take linear time on 50,000 characters", async () => {
  const worker = new Worker(new URL("./pattern_worker.ts", import.meta.url), { type: "module" });
  try {
    const results = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the thread is blocked")), PATIENCE_MS);
      worker.onmessage = ({ data }) => (clearTimeout(timer), resolve(data));
      worker.onerror = (event) => (clearTimeout(timer), reject(new Error(event.message)));
      worker.postMessage(EVIL);
    });
    assertEquals(results, EVIL.map(() => false));
  } finally {
    worker.terminate();
  }
});

Deno.test("isIncluded: globs match the whole path", async () => {
  const engine = await loadPatternEngine();
  const table: [glob: string, path: string, matches: boolean][] = [
    ["*.csv", "a.csv", true],
    ["*.csv", "d/a.csv", false],
    ["*.csv", "a.csv.txt", false],
    ["*/a.csv", "d/a.csv", true],
    ["*/a.csv", "d/e/a.csv", false],
    ["**/a.csv", "a.csv", true],
    ["**/a.csv", "d/e/a.csv", true],
    ["**/a.csv", "d/ba.csv", false],
    ["d/**", "d/e/a.csv", true],
    ["d/**", "e/a.csv", false],
    ["d/**/a.csv", "d/a.csv", true],
    ["d/**/a.csv", "d/e/f/a.csv", true],
    ["**", "d/a.csv", true],
    ["a?.csv", "ab.csv", true],
    ["a?.csv", "a/.csv", false],
    ["a+b(1)[2].{csv}", "a+b(1)[2].{csv}", true],
    ["A.csv", "a.csv", false],
    ["?.txt", "\u{1f600}.txt", true],
  ];
  for (const [glob, path, matches] of table) {
    assertEquals(isIncluded(path, [glob], engine), matches, `${glob} ${path}`);
  }
  assertEquals(isIncluded("b", ["a", "b"], engine), true);
  assertEquals(isIncluded("c", [], engine), true);
});
