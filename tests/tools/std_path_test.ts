// The documented behaviour of `@std/path`, tested on the package or its stand-in, whichever is in use. Nothing
// here may depend on the text of a message or on undocumented behaviour.

import { assertStrictEquals, assertThrows } from "@std/assert";
import * as path from "@std/path";

const PATHS: readonly (readonly [name: string, actual: unknown, expected: unknown])[] = [
  ["join", path.join("a", "..", "b", "c"), "b/c"],
  ["join of nothing", path.join(""), "."],
  ["resolve", path.resolve("/a/b", "../c"), "/a/c"],
  ["dirname", path.dirname("/a/b.txt"), "/a"],
  ["basename", path.basename("/a/b.txt"), "b.txt"],
  ["basename without suffix", path.basename("/a/b.txt", ".txt"), "b"],
  ["extname", path.extname("a/b.tar.gz"), ".gz"],
  ["extname of a hidden file", path.extname(".bashrc"), ""],
  ["relative", path.relative("/a/b/c", "/a/d"), "../../d"],
  ["isAbsolute", path.isAbsolute("/a"), true],
  ["isAbsolute of a relative", path.isAbsolute("a"), false],
  ["normalize", path.normalize("/a/./b//../c/"), "/a/c/"],
  ["fromFileUrl", path.fromFileUrl("file:///a/b%20c"), "/a/b c"],
  ["toFileUrl", path.toFileUrl("/a/b c#d?e%").href, "file:///a/b%20c%23d%3Fe%25"],
  ["SEPARATOR", path.SEPARATOR, "/"],
];

Deno.test({
  name: "paths: as documented",
  ignore: Deno.build.os === "windows",
  fn: async (t) => {
    for (const [name, actual, expected] of PATHS) {
      await t.step(name, () => assertStrictEquals(actual, expected));
    }
    await t.step("errors", () => {
      assertThrows(() => path.fromFileUrl("https://a/b"), TypeError);
      assertThrows(() => path.toFileUrl("a/b"), TypeError);
    });
  },
});
