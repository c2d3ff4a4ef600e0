import { assertEquals } from "@std/assert";
import { complaintText } from "./loading.ts";
import { substitute, substituteUrlTemplate, variable } from "../../lib/config/variables.ts";

const host = {
  env: (name: string) => ({ A: "aaa", EMPTY: "", BASE: "https://h/b#c", ODD: "p/w@ #{x}" })[name],
};

const FILLED: readonly (readonly [text: string, filled: string, values: string[]])[] = [
  ["plain $ {x} }", "plain $ {x} }", []],
  ["x ${env:A}-${env:A}", "x aaa-aaa", ["aaa", "aaa"]],
  ["$${env:A}", "${env:A}", []],
  ["${env:ODD}", "p/w@ #{x}", ["p/w@ #{x}"]],
];

Deno.test("substitute: inserts values unchanged", () => {
  for (const [text, filled, values] of FILLED) {
    assertEquals(substitute(text, host), {
      text: filled,
      values,
      problem: null,
      missing: false,
    });
  }
});

const REFUSED: readonly (readonly [text: string, missing: boolean, problem: RegExp])[] = [
  ["${env:NOPE}", true, /variable NOPE, which is not set/],
  ["${env:EMPTY}", true, /variable EMPTY/],
  ["${env:A}${env:NOPE}${env:EMPTY}", true, /variable NOPE/],
  ["${A}", false, /only \$\{env:NAME\} and \$\{file:PATH\} are substituted/],
  ["${file:}", false, /only \$\{env:NAME\} and \$\{file:PATH\} are substituted/],
  ["${file:a\n}", false, /only \$\{env:NAME\} and \$\{file:PATH\} are substituted/],
  ["${file:a}", true, /needs a file, which cannot be read here/],
  ["${env:A", false, /only \$\{env:NAME\} and \$\{file:PATH\} are substituted/],
  ["${env:A B}", false, /only \$\{env:NAME\} and \$\{file:PATH\} are substituted/],
  ["${env:NOPE} ${x}", false, /only \$\{env:NAME\} and \$\{file:PATH\} are substituted/],
];

Deno.test("row 92: substitute: an unset or empty variable is missing", () => {
  for (const [text, missing, problem] of REFUSED) {
    const result = substitute(text, host);
    assertEquals(result.missing, missing, text);
    assertEquals(problem.test(complaintText(result.problem)), true, `${text}: ${result.problem}`);
  }
});

Deno.test("row 92: substitute: an unreadable variable is missing", () => {
  const closed = {
    env(): string {
      throw new Deno.errors.NotCapable("no");
    },
  };
  assertEquals(variable("A", closed), undefined);
  assertEquals(substitute("${env:A}", closed).missing, true);
});

const URLS: readonly (readonly [written: string, url: string])[] = [
  ["${env:BASE}", "https://h/b#c"],
  ["https://h/${env:A}?t=${env:A}", "https://h/aaa?t=aaa"],
  ["https://user:${env:ODD}@h/", "https://user:p%2Fw%40%20%23%7Bx%7D@h/"],
  ["https://${env:ODD}:${env:A}@h/", "https://p%2Fw%40%20%23%7Bx%7D:aaa@h/"],
  ["https://h/?t=${env:ODD}", "https://h/?t=p/w@%20%23{{x}}"],
  ["https://h/${env:A}@x", "https://h/aaa@x"],
  ["https://h/$${x}", "https://h/${{x}"],
];

Deno.test("substituteUrlTemplate: a value does not change the other parts of the URL", () => {
  for (const [written, url] of URLS) assertEquals(substituteUrlTemplate(written, host).text, url);
});
