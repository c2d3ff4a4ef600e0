/**
 * The program that tests start as a process: the sources, or with `CRONFETCH_TEST_PROGRAM=dist` the
 * bundle that `deno task build` wrote.
 */

import { existsSync } from "node:fs";
import { fromFileUrl, toFileUrl } from "@std/path";

const PROGRAM = Deno.env.get("CRONFETCH_TEST_PROGRAM") ?? "sources";
const MAINS: Readonly<Record<string, string>> = { sources: "main.ts", dist: "dist/main.js" };

/** Whether the bundle is tested. */
export const IS_BUNDLE: boolean = PROGRAM === "dist";

/** Path of its main module. */
export const MAIN: string = pathOf(MAINS[PROGRAM]);

/** Path of the library beside it. */
export const LIBRARY: string = fromFileUrl(
  new URL(IS_BUNDLE ? "mod.js" : "lib/mod.ts", toFileUrl(MAIN)),
);

/** Path of its deno.json, which is beside the main module. */
export const CONFIG: string = fromFileUrl(new URL("deno.json", toFileUrl(MAIN)));

function pathOf(main: string | undefined): string {
  if (main === undefined) {
    throw new Error(`CRONFETCH_TEST_PROGRAM: ${PROGRAM} is not one of ${Object.keys(MAINS)}`);
  }
  const path = fromFileUrl(new URL(`../../${main}`, import.meta.url));
  if (!existsSync(path)) throw new Error(`${path} is missing; run deno task build`);
  return path;
}
