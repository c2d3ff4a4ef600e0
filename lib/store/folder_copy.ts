/** Copies within a folder store: a second name for the same bytes, where that can be had. */

import { permissionsOf, removeIfThere } from "./file_system.ts";
import type { FolderContext } from "./folder_context.ts";
import { placeDraft, replaceTarget } from "./folder_draft.ts";
import { findFile, type FoundFile } from "./folder_files.ts";
import { replaced } from "./folder_tree.ts";

/**
 * Puts what is published under `from` under `to` as well, all at once; false
 * where a file cannot have two names, or there is none.
 */
export async function linkPublished(
  from: string,
  to: string,
  context: FolderContext,
): Promise<boolean> {
  const source = await findFile(from, context);
  return source !== null && await linkTo(to, source, context);
}

/** Gives a file a second name. Says false, and leaves no file, where that cannot be. */
async function linkTo(to: string, source: FoundFile, context: FolderContext): Promise<boolean> {
  const { tree, fileSystem } = context;
  const placement = await placeDraft(to, context);
  const permissions = permissionsOf(source.info);
  // Both names share their permissions: those of the file that stands there would be lost.
  const { standing } = placement;
  if (standing !== null && permissionsOf(standing) !== permissions) return false;
  try {
    await fileSystem.link(source.path, placement.draftPath);
  } catch {
    // Many file systems know no links, or not so many; copying says it if there is more to it.
    return false;
  }
  try {
    // A link to a link must not be followed, least of all by what removes strays.
    if (!(await fileSystem.lstat(placement.draftPath)).isFile) throw replaced(source.path);
    await tree.checkInside(placement.folder, placement.draftPath);
    await replaceTarget(placement, permissions, false, context);
    return true;
  } finally {
    // A rename between two names of one file succeeds, and leaves both (POSIX, rename).
    await removeIfThere(fileSystem, placement.draftPath);
  }
}
