import { assertEquals, assertRejects } from "@std/assert";
import { temporaryFolder, tree } from "./folder.ts";

Deno.test("tree: shows every file; temporaryFolder: removed on dispose", async () => {
  let path: string;
  {
    await using folder = await temporaryFolder();
    path = folder.path;
    assertEquals(await tree(folder.file("none")), {});
    await Deno.mkdir(folder.file("b/empty"), { recursive: true });
    await Deno.writeTextFile(folder.file("b/text"), "ä");
    await Deno.writeFile(folder.file(".hidden"), Uint8Array.of(0xff));
    assertEquals(await tree(path), {
      ".hidden": "sha256:a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89",
      "b/text": "ä",
    });
  }
  await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
});
