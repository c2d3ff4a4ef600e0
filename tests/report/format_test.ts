import { assertEquals, assertLess } from "@std/assert";
import { escapeControl, escapeControlInJson } from "../../lib/core/text.ts";
import {
  colorWanted,
  displayWidth,
  formatBytes,
  formatDuration,
  painter,
  plural,
  truncate,
} from "../../lib/report/format.ts";

Deno.test("escapeControl: escapes control and invisible characters", () => {
  const cases: [string, string][] = [
    ["plain text, größer, 日本語, 👍", "plain text, größer, 日本語, 👍"],
    ["two\nlines\r\n", "two\\nlines\\r\\n"],
    ["a\ttab", "a\\ttab"],
    ["\x1b[2Jgone", "\\u{1b}[2Jgone"],
    ["\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"],
    ["\x9b2J", "\\u{9b}2J"],
    ["\x00\x7f", "\\u{0}\\u{7f}"],
    ["a\u202etxt.exe\u202c", "a\\u{202e}txt.exe\\u{202c}"],
    ["\u2066x\u2069\u200e\u061c", "\\u{2066}x\\u{2069}\\u{200e}\\u{61c}"],
    ["line\u2028paragraph\u2029", "line\\u{2028}paragraph\\u{2029}"],
    ["\ufeffzero\u200bwidth", "\\u{feff}zero\\u{200b}width"],
    ["tag \u{e0041}", "tag \\u{e0041}"],
    ["half \ud800 pair", "half \\u{d800} pair"],
    ["می\u200cخواهم 👩\u200d🚀", "می\u200cخواهم 👩\u200d🚀"],
    ["C:\\new", "C:\\new"],
  ];
  for (const [text, shown] of cases) assertEquals(escapeControl(text), shown);
});

Deno.test("escapeControlInJson: the value stays the same", () => {
  const cases: [string, string][] = [
    ["a\u2028b\u2029", '"a\\u2028b\\u2029"'],
    ["\x7f\x9b", '"\\u007f\\u009b"'],
    ["\u202e", '"\\u202e"'],
    ["\u{e0041}", '"\\udb40\\udc41"'],
    ["\n\x1b", '"\\n\\u001b"'],
    ["日本 👍", '"日本 👍"'],
  ];
  for (const [value, json] of cases) {
    assertEquals(escapeControlInJson(JSON.stringify(value)), json);
    assertEquals(JSON.parse(json), value);
  }
});

Deno.test("formatBytes, formatDuration, formatCount, plural: numbers with units", () => {
  const cases: [string, string][] = [
    [formatBytes(0), "0 B"],
    [formatBytes(1_337), "1.34 kB"],
    [formatBytes(50_000_000), "50 MB"],
    [formatDuration(0), "0ms"],
    [formatDuration(1_337), "1.3s"],
    [formatDuration(3_723_000), "1h 2m 3s"],
    [plural(0, "task"), "0 tasks"],
    [plural(1, "task"), "1 task"],
    [plural(12_345, "task"), "12,345 tasks"],
  ];
  for (const [actual, expected] of cases) assertEquals(actual, expected);
});

Deno.test("colorWanted: NO_COLOR, FORCE_COLOR, the terminal and TERM, in this order", () => {
  const cases: [Record<string, string>, boolean, boolean][] = [
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "" }, false, false],
    [{ NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
    [{ TERM: "dumb" }, true, false],
    [{ TERM: "xterm-256color" }, true, true],
    [{ TERM: "dumb", FORCE_COLOR: "1" }, true, true],
  ];
  for (const [env, isTerminal, wanted] of cases) {
    assertEquals(colorWanted((name) => env[name], isTerminal), wanted, JSON.stringify(env));
  }
});

Deno.test("painter: adds attributes, or returns the text unchanged", () => {
  assertEquals(painter(true)("bad", "failed"), "\x1b[31mfailed\x1b[39m");
  assertEquals(painter(false)("bad", "failed"), "failed");
});

Deno.test("displayWidth: counts terminal columns", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["ascii", 5],
    ["größe", 5],
    ["gro\u0308ße", 5],
    ["日本語", 6],
    ["한국", 4],
    ["ﾊﾝｶｸ", 4],
    ["ＦＵＬＬ", 8],
    ["𠮷", 2],
    ["👍", 2],
    ["❤", 1],
    ["❤\ufe0f", 2],
    ["1", 1],
    ["…█░→", 4],
    ["a\u200db", 2],
  ];
  for (const [text, columns] of cases) assertEquals(displayWidth(text), columns, text);
});

Deno.test("truncate: keeps within a width and never splits a character", () => {
  const cases: [string, number, string][] = [
    ["fits", 4, "fits"],
    ["too long", 4, "too…"],
    ["too long", 1, "…"],
    ["日本語", 6, "日本語"],
    ["日本語", 5, "日本…"],
    ["日本語", 4, "日…"],
    ["👍👍👍", 5, "👍👍…"],
    ["a\u0308\u0308bc", 2, "a\u0308\u0308…"],
  ];
  for (const [text, columns, expected] of cases) {
    const cut = truncate(text, columns);
    assertEquals(cut, expected);
    assertLess(displayWidth(cut), columns + 1);
  }
});
