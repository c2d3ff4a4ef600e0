/** The command line as a function: of the sources or, as in `program.ts`, of the bundle. */

import { toFileUrl } from "@std/path";
import { IS_BUNDLE, MAIN } from "./program.ts";

const program: typeof import("../../main.ts") = IS_BUNDLE
  ? await import(toFileUrl(MAIN).href)
  : await import("../../main.ts");

/** `main` of the program. */
export const main = program.main;
