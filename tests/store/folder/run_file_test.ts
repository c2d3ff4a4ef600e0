import { assertEquals } from "@std/assert";
import {
  draftName,
  folderLine,
  foldersIn,
  isDraftOf,
  RunFile,
  runFileName,
  runOfFile,
} from "../../../lib/store/folder/run_file.ts";
import { temporaryFolder } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { recording } from "../file_system.ts";

for (
  const [name, text, folders] of [
    ["what was written", ["", "a", "a/b", 'a b\n"c'].map(folderLine).join(""), [
      "",
      "a",
      "a/b",
      'a b\n"c',
    ]],
    ["nothing", "", []],
    ["empty lines", "\n\n", []],
    ["a torn end", `${folderLine("a")}\n"a/b`, ["a"]],
    ["a torn middle", `\n"a/${folderLine("b")}`, ["b"]],
    ["no folders", '\n{"a":1}\nnull\n7\n["a"]\ntext', []],
    ["ways out", ["..", "a/../..", "/", "/etc", "a\\b", "."].map(folderLine).join(""), []],
  ] as const
) {
  Deno.test(`foldersIn: ${name}`, () => assertEquals(foldersIn(text), [...folders]));
}

for (
  const [run, name, expected] of [
    ["0a", draftName("0a", "ff"), true],
    ["0a", draftName("0b", "ff"), false],
    ["0", draftName("0a", "ff"), false],
    ["0a", runFileName("0a"), false],
    ["0a", "file.part", false],
    ["0a", ".cronfetch-0a-ff.part.gz", false],
  ] as const
) {
  Deno.test(`isDraftOf: ${name} is ${expected ? "a" : "no"} draft of ${run}`, () => {
    assertEquals(isDraftOf(run, name), expected);
  });
}

Deno.test("runOfFile returns the run of a run file, else null", () => {
  assertEquals(runOfFile(runFileName("0a")), "0a");
  assertEquals(runOfFile(draftName("0a", "ff")), null);
  assertEquals(runOfFile("file"), null);
});

Deno.test("RunFile.add syncs each folder before it resolves; not without sync", async () => {
  for (const sync of [true, false]) {
    await using folder = await temporaryFolder();
    const { fileSystem, calls } = recording();
    const file = new RunFile(folder.path, sync, testHost().random, fileSystem);
    const flush = sync ? ["sync"] : [];
    await file.add("");
    assertEquals(calls.slice(calls.indexOf("write")), ["write", ...flush]);
    calls.length = 0;
    await file.add("a/b");
    await file.add("a/b");
    assertEquals(calls, ["write", ...flush]);
    await file.close(true);
  }
});
