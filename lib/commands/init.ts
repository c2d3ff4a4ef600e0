/** `init`: a config to begin with. */

import { resolve } from "@std/path";
import type { Flags } from "../cli.ts";
import { initialConfig } from "../config/init.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import { reasonOf } from "./finding.ts";

/** Writes a commented config that loads as it is, and never over a file unless forced to. */
export async function init(
  [file = "cronfetch.jsonc"]: readonly string[],
  { force }: Flags,
  host: Host,
): Promise<number> {
  const path = resolve(host.cwd(), file);
  try {
    await Deno.writeTextFile(path, initialConfig(), { createNew: !force });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new CronfetchError("usage", `${file} is there already; --force replaces it`);
    }
    throw new CronfetchError("usage", `${file} cannot be written: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  host.stderr.write(`Wrote ${file}. Put your URLs in it, then: cronfetch plan\n`);
  return EXIT.good;
}
