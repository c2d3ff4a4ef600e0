import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { copyPackage } from "../../tools/pack/package_copy.ts";
import { checkPublication } from "../../tools/publish_check.ts";
import { temporaryFolder } from "../helpers/folder.ts";

Deno.test("checkPublication: the package holds what users need, and can be published", async () => {
  await using folder = await temporaryFolder();
  const path = await copyPackage(folder.path);
  const names = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).toSorted();
  assertEquals(names, ["LICENSE", "README.md", "deno.json", "lib", "main.ts"]);
  const { isGood, output } = await checkPublication(path);
  assertEquals(isGood, true, output);
});

const REASONS: [name: string, path: string, change: (text: string) => string, reason: string][] = [
  [
    "a directive with a reference",
    "lib/mod.ts",
    (text) => `/// <reference lib="deno.worker" />\n${text}`,
    "banned-triple-slash-directives",
  ],
  [
    "a type that has to be inferred",
    "lib/mod.ts",
    (text) => `${text}\nexport const inferred = Math.max(1, 2);\n`,
    "slow type",
  ],
  [
    "a missing module",
    "main.ts",
    (text) => `import "./tools/setup.ts";\n${text}`,
    "tools/setup.ts",
  ],
];

for (const [name, path, change, reason] of REASONS) {
  Deno.test(`checkPublication: rejects ${name}`, async () => {
    await using folder = await temporaryFolder();
    const file = join(await copyPackage(folder.path), path);
    await Deno.writeTextFile(file, change(await Deno.readTextFile(file)));
    const { isGood, output } = await checkPublication(
      join(file, path === "main.ts" ? ".." : "../.."),
    );
    assertEquals(isGood, false);
    assertStringIncludes(output, reason);
  });
}
