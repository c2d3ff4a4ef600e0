import { assertEquals } from "@std/assert";
import { codeOf, importsOf } from "../../tools/source.ts";

const CODE: readonly (readonly [name: string, source: string, code: string])[] = [
  ["code", "a + b", "a + b"],
  ["a line comment", "a // b\nc", "a     \nc"],
  ["a block comment", "a /* b\nc */ d", "a     \n     d"],
  ["a string", `a("b", 'c')`, `a(" ", ' ')`],
  ["an escaped quote", String.raw`"a\"b" + c`, `"    " + c`],
  ["the other quote in a string", `"'" + a`, `" " + a`],
  ["a comment in a string", `"//" + a`, `"  " + a`],
  ["a quote in a comment", `a // don't\nb`, `a         \nb`],
  ["a template", "`a` + b", "` ` + b"],
  ["code in a template", "`a ${b} c` + d", "`  ${b}  ` + d"],
  ["a template in a template", "`a${`b${c}d`}e` + f", "` ${` ${c} `} ` + f"],
  ["braces in a template", "`${{ a: {} }}b`", "`${{ a: {} }} `"],
  ["a division", "a / b / c", "a / b / c"],
  ["a pattern", "a(/b/.test(c))", "a(/ /.test(c))"],
  ["a pattern first", "/a/.test(b)", "/ /.test(b)"],
  ["a pattern after return", "return /a/g", "return / /g"],
  ["a quote in a pattern", `a = /"/; "b"`, `a = / /; " "`],
  ["a slash in a class", "a = /[/]b/ + c", "a = /    / + c"],
  ["an escaped slash", String.raw`a = /\/b/ + c`, "a = /   / + c"],
  ["elements of JSX", `<a b="c" /> </d> "e"`, `<a b=" " /> </d> " "`],
  ["an open comment", "a /* b", "a     "],
  ["an open string", `a "b`, `a " `],
  ["an open template", "a `b ${c", "a `  ${c"],
];

Deno.test("codeOf: keeps code, lines and length", async (t) => {
  for (const [name, source, code] of CODE) {
    await t.step(name, () => assertEquals(codeOf(source), code));
  }
});

const IMPORTS: readonly (readonly [source: string, found: ReturnType<typeof importsOf>])[] = [
  [`import a from "b";`, [{ specifier: "b", typeOnly: false, names: ["*"] }]],
  [`import { a, type b as c } from 'd'`, [{
    specifier: "d",
    typeOnly: false,
    names: ["a", "b"],
  }]],
  [`import type { A } from "b";`, [{ specifier: "b", typeOnly: true, names: ["A"] }]],
  [`import a, { b } from "c";`, [{ specifier: "c", typeOnly: false, names: ["b"] }]],
  [`import * as a from "b";`, [{ specifier: "b", typeOnly: false, names: ["*"] }]],
  [`export * from "b";`, [{ specifier: "b", typeOnly: false, names: ["*"] }]],
  [`export type { A } from "b";`, [{ specifier: "b", typeOnly: true, names: ["A"] }]],
  [`import a from "b" with { type: "json" };`, [{ specifier: "b", typeOnly: false, names: ["*"] }]],
  [`import "b";`, [{ specifier: "b", typeOnly: false, names: ["*"] }]],
  [`await import("b")`, [{ specifier: "b", typeOnly: false, names: ["*"] }]],
  [`new URL("b", import.meta.url)`, [{ specifier: "b", typeOnly: false, names: ["*"] }]],
  [`await import(b)`, []],
  [`new URL("b", c)`, []],
  [`// import "b";`, []],
  ['`import "b";`', []],
  [`export const a = { from: "b" };`, []],
];

Deno.test("importsOf: finds every form of import", async (t) => {
  for (const [source, found] of IMPORTS) {
    await t.step(source, () => assertEquals(importsOf(source), found));
  }
});
