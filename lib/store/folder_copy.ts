/** Copies within a folder store: a second name for the same bytes if possible, else new bytes. */

import { nothingToCopy } from "./errors.ts";
import { type FileSystem, permissionsOf, removeIfThere } from "./file_system.ts";
import type { FolderContext } from "./folder_context.ts";
import { placeDraft, replaceTarget } from "./folder_draft.ts";
import { bufferBytes, findFile, type FoundFile } from "./folder_files.ts";
import { replaced } from "./folder_tree.ts";
import type { Draft } from "./store.ts";

/**
 * Puts what is published under `from` under `to` as well, all at once.
 *
 * @param startDraft Starts a draft for a key, where the bytes must be copied.
 */
export async function copyPublished(
  from: string,
  to: string,
  context: FolderContext,
  startDraft: (key: string) => Promise<Draft>,
): Promise<void> {
  const source = await findFile(from, context);
  if (source === null) throw nothingToCopy(from);
  if (await linkTo(to, source, context)) return;
  await using draft = await startDraft(to);
  await copyBytes(source, draft, context.fileSystem);
  await draft.publish();
}

/** Gives a file a second name. Says false, and leaves no file, where that cannot be. */
async function linkTo(to: string, source: FoundFile, context: FolderContext): Promise<boolean> {
  const { fileSystem } = context;
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
    if (!(await fileSystem.lstat(placement.draftPath)).isFile) throw replaced(source.path);
    await replaceTarget(placement, permissions, context);
    return true;
  } finally {
    // A rename between two names of one file succeeds, and leaves both (POSIX, rename).
    await removeIfThere(fileSystem, placement.draftPath);
  }
}

async function copyBytes(source: FoundFile, draft: Draft, fileSystem: FileSystem): Promise<void> {
  using file = await fileSystem.open(source.path, { read: true });
  let buffer = new ArrayBuffer(bufferBytes(source));
  for (;;) {
    const readBytes = await file.read(new Uint8Array(buffer));
    if (readBytes === null) break;
    buffer = await draft.write(new Uint8Array(buffer, 0, readBytes));
  }
  await draft.seal();
}
