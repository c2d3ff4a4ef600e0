/** Checks the folder of a store before the first request of a run. */

import { dirname, join } from "@std/path";
import { CronfetchError } from "../core/errors.ts";
import type { Random } from "../core/host.ts";
import type { StoreLocation } from "../core/location.ts";

/** Why a store cannot be written to. */
export interface StoreFault {
  /** A sentence about a path, without a full stop. */
  readonly message: string;
  /** What to do, a clause in the imperative. */
  readonly hint: string;
}

const ANOTHER = 'or set another "store"';

/**
 * Checks the folder of a store: that it, or the nearest folder above it, is a folder in which files
 * can be created. An empty file is created and removed.
 *
 * @returns Null if nothing is wrong, or nothing is known: of a bucket, of memory.
 */
export async function findStoreFault(
  store: StoreLocation,
  random: Random,
): Promise<StoreFault | null> {
  if (store.kind !== "folder") return null;
  let path = store.path;
  try {
    for (;;) {
      const info = await statIfExists(path);
      if (info?.isDirectory) break;
      if (info !== null) {
        const kind = info.isFile ? "a file, not a folder" : "no folder";
        return { message: `${path} is ${kind}`, hint: `move it away, ${ANOTHER}` };
      }
      const above = dirname(path);
      if (above === path) return null;
      path = above;
    }
    // A permission for the store alone does not include the folder in which it is created.
    const isStore = path === store.path;
    if (!isStore && (await Deno.permissions.query({ name: "write", path })).state !== "granted") {
      return null;
    }
    const probe = join(path, `.cronfetch-${random.name()}.part`);
    (await Deno.open(probe, { write: true, createNew: true })).close();
    await Deno.remove(probe);
    return null;
  } catch (error) {
    // A permission for the store alone need not include the folders above.
    const isUnknown = error instanceof Deno.errors.NotCapable && path !== store.path;
    return isUnknown ? null : explain(error, path);
  }
}

/**
 * Checks the store of a run before its first request.
 *
 * @throws {CronfetchError} `config.invalid`, see {@linkcode findStoreFault}.
 */
export async function requireStore(store: StoreLocation, random: Random): Promise<void> {
  const fault = await findStoreFault(store, random);
  if (fault === null) return;
  const message = `Opening the store: ${fault.message}\nhint: ${fault.hint}`;
  throw new CronfetchError("config.invalid", message);
}

async function statIfExists(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    // A file above it is found when that path is checked.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw error;
  }
}

/** Null for an error that does not concern the folder, such as a full disk. */
function explain(error: unknown, path: string): StoreFault | null {
  if (error instanceof Deno.errors.NotCapable) {
    const flag = /--allow-[a-z]+/.exec(error.message)?.[0] ?? "--allow-write";
    return { message: `Deno has no permission for ${path}`, hint: `add ${flag}=${path}` };
  }
  if (!(error instanceof Error)) return null;
  switch ("code" in error ? error.code : undefined) {
    case "EACCES":
    case "EPERM":
      return {
        message: `${path} is not writable: permission denied`,
        hint: `let this user write there, ${ANOTHER}`,
      };
    case "EROFS":
      return {
        message: `${path} is not writable: the file system is read-only`,
        hint: 'set another "store"',
      };
    default:
      return null;
  }
}
