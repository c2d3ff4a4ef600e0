import { assertEquals } from "@std/assert";
import { findStoreFault } from "../../lib/worker/store_fault.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";

const host = testHost();

Deno.test("findStoreFault: what is known of a folder before a request, with its path", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.file("taken"), "");
  const table: [path: string, fault: string | null][] = [
    ["", null],
    ["not/yet/there", null],
    ["taken", `${folder.file("taken")} is a file, not a folder`],
    ["taken/deep/er", `${folder.file("taken")} is a file, not a folder`],
  ];
  for (const [path, fault] of table) {
    const store = { kind: "folder", path: path === "" ? folder.path : folder.file(path) } as const;
    assertEquals((await findStoreFault(store, host.random))?.message ?? null, fault, path);
  }
  // The empty file is removed.
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["taken"]);
  assertEquals(await findStoreFault({ kind: "memory" }, host.random), null);
});
