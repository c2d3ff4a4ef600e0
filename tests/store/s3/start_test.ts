// What a run with a bucket loads in addition to one with a folder.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

/** Modules that the driver imports, directly or not. */
interface Graph {
  readonly modules: readonly { readonly specifier: string }[];
  readonly npmPackages: Readonly<Record<string, unknown>>;
}

/** Each module is about a quarter of a millisecond of the start from the sources. */
const MOST_MODULES = 21;

Deno.test("the driver of buckets loads one package that a plain run does not", async () => {
  const driver = fromFileUrl(new URL("../../../lib/store/s3/driver.ts", import.meta.url));
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", driver],
  }).output();
  const { modules, npmPackages }: Graph = JSON.parse(new TextDecoder().decode(stdout));
  const packages = Object.keys(npmPackages).map((name) => name.slice(0, name.lastIndexOf("@")));
  // The others are those of lib/http.
  assertEquals(packages.toSorted(), ["aws4fetch", "ipaddr.js"]);
  const own = modules.filter(({ specifier }) => specifier.includes("/lib/store/s3/"));
  assert(own.length <= MOST_MODULES, `${own.length} modules`);
});
