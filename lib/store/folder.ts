/** A store in a folder. */

import type { Random } from "../core/host.ts";
import { createStore } from "./create_store.ts";
import type { Driver } from "./driver.ts";
import { type FileSystem, machineFileSystem, removeIfThere, storedFile } from "./file_system.ts";
import type { FolderContext } from "./folder_context.ts";
import { linkPublished } from "./folder_copy.ts";
import { dropFolderDraft, openFolderDraft, resumeFolderDraft } from "./folder_draft.ts";
import { findFile, listFiles, readPieces } from "./folder_files.ts";
import { FolderTree, replaced } from "./folder_tree.ts";
import { RunFile } from "./run_file.ts";
import type { Store } from "./store.ts";
import { sweepDeadRuns } from "./sweep.ts";
import type { Writer } from "./writer.ts";

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
