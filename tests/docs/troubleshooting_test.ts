import { assertEquals } from "@std/assert";
import { ERROR_CODES } from "../../lib/core/errors.ts";

const PAGE = await Deno.readTextFile(new URL("../../docs/troubleshooting.md", import.meta.url));

Deno.test("troubleshooting: a section for each code, with its message", () => {
  const quoted = [...PAGE.matchAll(/^### (\S+)\n\n((?:> .*\n)+)/gm)].map(([, code, text = ""]) => [
    code,
    text.replaceAll(/^> /gm, "").trimEnd().replaceAll("\n", " "),
  ]);
  const sections = [...PAGE.matchAll(/^### (.*)$/gm)].map(([, code]) => code);
  assertEquals(quoted.map(([code]) => code), sections);
  const codes = Object.entries(ERROR_CODES).map(([code, { meaning }]) => [code, meaning]);
  assertEquals(quoted.toSorted(), codes.toSorted());
});

Deno.test("troubleshooting: codes in the text exist", () => {
  const rooms = new Set(Object.keys(ERROR_CODES).map((code) => code.split(".")[0]));
  for (const [, code = "", room = ""] of PAGE.matchAll(/\b(([a-z]+)\.[a-z-]+):/g)) {
    if (rooms.has(room)) assertEquals(code in ERROR_CODES, true, code);
  }
});
