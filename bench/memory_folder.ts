/** Folders in memory, since disk speed varies over time and would add noise. */

import { exists } from "@std/fs";
import { join } from "@std/path";

const MEMORY = "/dev/shm";

/** A folder that is removed when it is disposed of. */
export interface MemoryFolder extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  /** Absolute path of `name` in it. */
  file(name: string): string;
}

/** Creates an empty folder in `/dev/shm`, or in the system's temporary folder. */
export async function memoryFolder(): Promise<MemoryFolder> {
  const prefix = "cronfetch-bench-";
  const path = await Deno.makeTempDir(await exists(MEMORY) ? { dir: MEMORY, prefix } : { prefix });
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
