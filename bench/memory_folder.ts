/** Folders in memory: a disk costs all programs the same, and differs from one minute to the next. */

import { exists } from "@std/fs";
import { join } from "@std/path";

const MEMORY = "/dev/shm";

/** A folder that is removed, with all in it, when it is disposed of. */
export interface MemoryFolder extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  /** Absolute path of `name` in it. */
  file(name: string): string;
}

/** Makes an empty folder in memory, or in the system's folder for temporary files. */
export async function memoryFolder(): Promise<MemoryFolder> {
  const prefix = "cronfetch-bench-";
  const path = await Deno.makeTempDir(await exists(MEMORY) ? { dir: MEMORY, prefix } : { prefix });
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
