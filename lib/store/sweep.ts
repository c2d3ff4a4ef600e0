/** Clearing up after runs that died: their drafts are found without a walk through the store. */

import { join } from "@std/path";
import type { FolderContext } from "./folder_context.ts";
import { readDirIfThere, readInto, removeIfThere } from "./file_system.ts";
import { foldersIn, isDraftOf, runOfFile, takeLock } from "./run_file.ts";

/**
 * Removes the drafts of every run whose file nobody has locked, then the file.
 * What cannot be removed, or locked for want of locks, is left for another time.
 *
 * @returns How many drafts were removed.
 */
export async function sweepDeadRuns(context: FolderContext): Promise<number> {
  const { root, runFile, fileSystem } = context;
  let removed = 0;
  for (const entry of await readDirIfThere(fileSystem, root)) {
    const run = entry.isFile ? runOfFile(entry.name) : null;
    if (run === null || await runFile.isOwn(run)) continue;
    await sweepRun(run, join(root, entry.name), context, () => removed++).catch(() => {});
  }
  return removed;
}

async function sweepRun(
  run: string,
  path: string,
  { tree, fileSystem }: FolderContext,
  removed: () => void,
): Promise<void> {
  const file = await fileSystem.open(path, { read: true, write: true });
  try {
    if (await takeLock(file) !== true) return;
    const { size } = await file.stat();
    const text = new TextDecoder().decode(await readInto(file, new Uint8Array(size)));
    for (const key of foldersIn(text)) {
      const folder = await tree.find(key);
      if (folder === null || !await tree.isIntact(folder)) continue;
      for (const { name } of await readDirIfThere(fileSystem, folder.path)) {
        if (!isDraftOf(run, name)) continue;
        await removeIfThere(fileSystem, join(folder.path, name));
        removed();
      }
    }
    await removeIfThere(fileSystem, path);
  } finally {
    file.close();
  }
}
