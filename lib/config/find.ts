/** Finds the config file where nobody named one. */

import { dirname, join } from "@std/path";
import { CronfetchError } from "../core/errors.ts";
import { CONFIG_NAMES } from "../core/ownership.ts";

/**
 * Looks for a config in a folder, then in each one above it, up to the first
 * that holds `.git` or to the root.
 *
 * @returns Its absolute path.
 * @throws {CronfetchError} `config.not-found` if there is none, `config.invalid`
 * if a folder holds two.
 */
export async function findConfig(folder: string): Promise<string> {
  let current = folder;
  for (;;) {
    const found = await existing(current, CONFIG_NAMES);
    const [first, second] = found;
    if (second !== undefined) {
      throw new CronfetchError(
        "config.invalid",
        `Looking for a config: ${current} holds ${found.join(" and ")}; ` +
          "remove all but one, or name the ones to use with --config",
      );
    }
    if (first !== undefined) return join(current, first);
    const above = dirname(current);
    if (above === current || (await existing(current, [".git"])).length > 0) break;
    current = above;
  }
  const where = current === folder ? folder : `${folder} or in a folder above it, up to ${current}`;
  throw new CronfetchError(
    "config.not-found",
    `Looking for a config: there is no ${CONFIG_NAMES.join(", ")} in ${where}; ` +
      "cronfetch init makes one, and --config names one elsewhere",
  );
}

async function existing(folder: string, names: readonly string[]): Promise<string[]> {
  const present = await Promise.all(names.map((name) => exists(join(folder, name))));
  return names.filter((_, index) => present[index]);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    // What may not be read cannot be used either.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) {
      return false;
    }
    throw error;
  }
}
