// The example driver of docs/stores.md passes the conformance suite.

import { assert, assertLess, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openSqlite } from "../../examples/sqlite-store/sqlite_store.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { storeConformance } from "./conformance.ts";

storeConformance("the example of a driver", async () => {
  const folder = await temporaryFolder();
  const open = () => openSqlite(folder.file("store.sqlite"));
  const store = open();
  return {
    store,
    refusesChanged: true,
    keepsDrafts: false,
    reopen: () => Promise.resolve(open()),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
});

Deno.test("docs/stores.md contains the example driver, of at most 45 lines", async () => {
  const read = (path: string) => Deno.readTextFile(fromFileUrl(new URL(path, import.meta.url)));
  const code = await read("../../examples/sqlite-store/sqlite_store.ts");
  assertStringIncludes(await read("../../docs/stores.md"), `\`\`\`ts\n${code}\`\`\``);
  const body = code.slice(code.indexOf("export function"));
  assertLess(body.trim().split("\n").length, 46);
  assert(code.includes("createStore("));
});
