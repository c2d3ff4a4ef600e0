import { assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { fromFileUrl, relative } from "@std/path";
import { checkSync } from "recheck";
import { type PatternLiteral, patternsOf } from "../tools/source.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/**
 * Literals that the analysis cannot read (look-ahead, back-references, flag v), each linear: one
 * character, or an anchored sequence in which no character has two ways to match. The pathological
 * strings of `linear_parsers.ts` run over the functions that use them.
 */
const READ_BY_EYE: ReadonlySet<string> = new Set([
  String
    .raw`/^(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$))[a-z0-9_](?:[a-z0-9_.-]{0,98}[a-z0-9_-])?$/i`,
  String.raw`/^\/(?![/\\])[\x21-\x7e]*$/`,
  String.raw`/([A-Za-z])\1*/g`,
  String.raw`/[[\p{Mn}\p{Me}\u1160-\u11ff\u200b-\u200d\u2060]--[\ufe0f]]/v`,
  String.raw`/[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]--[\u200c\u200d]]/gv`,
  String.raw`/^(?:kv:(?!https?:\/\/)|file:)(.+)$/s`,
]);

/** Files that build expressions from parts; their functions are in `linear_parsers.ts`. */
const BUILDERS: ReadonlySet<string> = new Set([
  "lib/cli/verify/files.ts",
  "lib/config/checks.ts",
  "lib/config/schema/fields.ts",
  "lib/config/secrets.ts",
  "lib/config/source/syntax.ts",
  "lib/content/error_document.ts",
  "lib/content/unexpected_text.ts",
  "lib/core/time.ts",
  "lib/cron/calendar.ts",
  "lib/download/status_reason.ts",
  "lib/http/head.ts",
  "lib/http/request_head.ts",
]);

/**
 * What an expression costs at worst, computed from its automaton. A match is tried at every
 * character, except of a sticky one. A bound of 10 or more counts as none: the automaton would have
 * a state for each repetition, and the product of two bounds is slow enough.
 */
function costOf({ source, flags }: PatternLiteral): string {
  const isSticky = flags.includes("y");
  const unbounded = source.replace(/\{(\d+),\d{2,}\}/g, (_, least) => least === "0" ? "*" : "+");
  const result = checkSync(isSticky ? `^(?:${unbounded})` : unbounded, flags.replace("y", ""), {
    checker: "automaton",
    // Of wall-clock time, of which a busy machine takes ten times as much.
    timeout: 120_000,
  });
  if (result.status === "unknown") return result.error.kind;
  return result.status === "safe" ? "linear" : result.complexity.summary;
}

// The analysis keeps a thread, which has a message port.
const options = { sanitizeResources: false };

Deno.test("row 134: every regular expression in lib/ is linear", options, async () => {
  const faults: string[] = [];
  const builders = new Set<string>();
  let count = 0;
  for await (const { path } of walk(`${ROOT}/lib`, { exts: [".ts", ".tsx"], includeDirs: false })) {
    const file = relative(ROOT, path).replaceAll("\\", "/");
    const source = await Deno.readTextFile(path);
    if (/\bRegExp\(/.test(source)) builders.add(file);
    for (const pattern of patternsOf(source)) {
      count++;
      const written = `/${pattern.source}/${pattern.flags}`;
      if (READ_BY_EYE.has(written)) continue;
      const cost = costOf(pattern);
      if (cost !== "linear") faults.push(`${file}: ${written} is ${cost}`);
    }
  }
  assertEquals(faults, []);
  const unlisted = [...builders].filter((file) => !BUILDERS.has(file));
  assertEquals(unlisted, [], "add their functions to linear_parsers.ts, then the files here");
  assertEquals(count > 100, true);
});

Deno.test("patternsOf: literals alone, with their flags", () => {
  const source =
    'const a = /x\\/[/"]y/gi; // /no/\nconst b = 4 / 2 / 1; f(/z/); `/t/${/u/v}`; "/s/"';
  assertEquals(patternsOf(source), [
    { source: 'x\\/[/"]y', flags: "gi" },
    { source: "z", flags: "" },
    { source: "u", flags: "v" },
  ]);
});

Deno.test("the analysis sees what is quadratic or worse", options, () => {
  const table: [source: string, cost: string][] = [
    ["([?&;#])([^=&;#]*)=([^&#]+)", "2nd degree polynomial"],
    ["\\s+$", "2nd degree polynomial"],
    ["^(\\w+\\s?)*$", "exponential"],
    ["\\s*x", "2nd degree polynomial"],
    ["^[a-z]+$", "linear"],
  ];
  for (const [source, cost] of table) assertEquals(costOf({ source, flags: "" }), cost, source);
});
