/** A place for the files of a test that is a folder. See `place.ts`. */

import { dirname, join } from "@std/path";
import { namesBelow, temporaryFolder, tree } from "./folder.ts";
import type { Place } from "./place.ts";

/** Long ago, in seconds: no file that a test writes has this time by itself. */
const LONG_AGO = 1_000_000_000;

/** The folder is called `store`, in a folder that vanishes with the place. */
export async function folderPlace(): Promise<Place> {
  const around = await temporaryFolder();
  const location = around.file("store");
  const path = (key: string) => join(location, key);
  return {
    location,
    env: {},
    beside: around.file,
    async write(key, content) {
      await Deno.mkdir(dirname(path(key)), { recursive: true });
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(path(key), bytes);
    },
    read: (key) => orNull(Deno.readFile(path(key))),
    sizeBytes: async (key) => (await orNull(Deno.stat(path(key))))?.size ?? null,
    remove: (key) => Deno.remove(path(key)),
    clear: () => Deno.remove(location, { recursive: true }),
    touch: (key) => Deno.utime(path(key), LONG_AGO, LONG_AGO),
    async mark(key) {
      const { ino, size, mtime } = await Deno.stat(path(key));
      return `${ino} ${size} ${mtime?.getTime()}`;
    },
    names: () => namesBelow(location),
    tree: () => tree(location),
    [Symbol.asyncDispose]: () => around[Symbol.asyncDispose](),
  };
}

async function orNull<Value>(found: Promise<Value>): Promise<Value | null> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
