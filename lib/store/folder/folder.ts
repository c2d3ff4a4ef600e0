/** A store in a folder. */

import type { Random } from "../../core/host.ts";
import { createStore } from "../create_store.ts";
import type { Driver } from "../driver.ts";
import {
  type FileSystem,
  machineFileSystem,
  permissionsOf,
  readDirIfThere,
  readInto,
  removeIfThere,
  storedFile,
} from "./file_system.ts";
import {
  findFile,
  type FolderContext,
  FolderTree,
  type FoundFile,
  listFiles,
  readPieces,
  replaced,
} from "./tree.ts";
import {
  dropFolderDraft,
  openFolderDraft,
  placeDraft,
  replaceTarget,
  resumeFolderDraft,
} from "./draft.ts";
import { foldersIn, isDraftOf, RunFile, runOfFile, takeLock } from "./run_file.ts";
import type { Store } from "../store.ts";
import type { Writer } from "./writer.ts";
import { join } from "@std/path";

/** What a folder store needs beside its folder. */
export interface FolderOptions {
  /** Whether to wait until the disk holds what was written; else a power failure may lose it. */
  readonly sync: boolean;
  /** For names nobody can guess. */
  readonly random: Random;
  /** Starts a thread for large files, once there is one. Default: none, they are written here. */
  readonly startWriter?: () => Promise<Writer | null>;
}

/**
 * Opens a store in a folder. The folder is made when the first draft is; it may
 * be a symbolic link, but none below it is followed, nor replaced. A file's
 * revision is the time it was last changed. File systems cannot replace a file on
 * the condition that it is the one that was seen, so the last to publish wins.
 *
 * @param root Absolute path of the folder.
 * @param fileSystem The calls to make; by default those of this machine.
 */
export function openFolder(
  root: string,
  options: FolderOptions,
  fileSystem: FileSystem = machineFileSystem,
): Store {
  return createStore(folderDriver(root, options, fileSystem));
}

function folderDriver(
  root: string,
  { sync, random, startWriter = () => Promise.resolve(null) }: FolderOptions,
  fileSystem: FileSystem,
): Driver {
  const runFile = new RunFile(root, sync, random, fileSystem);
  const tree = new FolderTree(root, fileSystem);
  let starting: Promise<Writer | null> | null = null;
  const writer = () => starting ??= startWriter();
  const context: FolderContext = { root, sync, random, tree, runFile, writer, fileSystem };
  return {
    location: root,
    begin: (key, { expectedBytes }) => openFolderDraft(key, expectedBytes, context),
    resume: (key, name) => resumeFolderDraft(key, name, context),
    drop: (key, name) => dropFolderDraft(key, name, context),
    stat: async (key) => {
      const found = await findFile(key, context);
      return found && storedFile(found.info);
    },
    read: async (key) => {
      const found = await findFile(key, context);
      return found && await readPieces(found, context);
    },
    list: (prefix) => listFiles(prefix, context),
    copy: (from, to) => linkPublished(from, to, context),
    remove: async (key) => {
      const found = await findFile(key, context);
      if (found === null) return;
      if (!await tree.isIntact(found.folder)) throw replaced(found.folder.path);
      await removeIfThere(fileSystem, found.path);
    },
    sweep: () => sweepDeadRuns(context),
    close: async (isClean) => {
      // One that could not be started has failed its draft; the rest is ended all the same.
      (await starting?.catch(() => null))?.[Symbol.dispose]();
      await runFile.end(isClean);
    },
  };
}

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
  const { existing } = placement;
  if (existing !== null && permissionsOf(existing) !== permissions) return false;
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
