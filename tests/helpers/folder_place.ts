/** The place of a test's files: the interface, and a folder. See `place.ts`. */

import { dirname, join } from "@std/path";
import { namesBelow, temporaryFolder, type Tree, tree } from "./folder.ts";

/** The files of one test's store, as another program sees them. Disposing removes local files. */
export interface Place extends AsyncDisposable {
  /** For the config's `store`. It is empty at first; a folder does not exist yet. */
  readonly location: string;
  /** Environment variables of a program that uses it. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path of `name` in a local folder outside of the store. */
  beside(name: string): string;
  /** Writes or overwrites a file, as another program would. */
  write(key: string, content: string | Uint8Array<ArrayBuffer>): Promise<void>;
  /** Content of a file; null if there is none. */
  read(key: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Size of a file; null if there is none. */
  sizeBytes(key: string): Promise<number | null>;
  /** Removes a file. */
  remove(key: string): Promise<void>;
  /** Removes everything, including the store's own files and pending uploads. */
  clear(): Promise<void>;
  /** Changes the time of a file and keeps its content. */
  touch(key: string): Promise<void>;
  /** A value that differs after the file was written or replaced. */
  mark(key: string): Promise<string>;
  /**
   * Names of all files, including those that no key can have, and of pending uploads, as
   * `.cronfetch-upload/KEY/ID`. In a bucket, names outside of the prefix start with a slash.
   */
  names(): Promise<string[]>;
  /** The same with their content, sorted by name; uploads have none. */
  tree(): Promise<Tree>;
}

/** In seconds: earlier than any file that a test writes. */
const LONG_AGO = 1_000_000_000;

/** Creates a place in the folder `store` of a temporary folder. */
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
