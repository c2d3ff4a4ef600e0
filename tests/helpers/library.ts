/** The library that tests run: the sources or, as in `program.ts`, the bundle. */

import { toFileUrl } from "@std/path";
import { IS_BUNDLE, LIBRARY } from "./program.ts";

const library: typeof import("../../lib/mod.ts") = IS_BUNDLE
  ? await import(toFileUrl(LIBRARY).href)
  : await import("../../lib/mod.ts");

/** `run` of the library. */
export const run = library.run;

/**
 * The class of its errors. The bundle has its own copy of each class, so neither accepts errors of
 * the other.
 */
export const CronfetchError = library.CronfetchError;
