/** A store in a folder. */

import { BufferPool } from "../../core/allocation.ts";
import type { Random } from "../../core/host.ts";
import { createStore } from "../create_store.ts";
import type { Driver } from "../driver.ts";
import {
  type FileSystem,
  machineFileSystem,
  permissionsOf,
  readDirIfExists,
  readFull,
  removeIfExists,
  replacedError,
  storedFile,
} from "./file_system.ts";
import {
  findFile,
  type FolderContext,
  FolderTree,
  type FoundFile,
  listFiles,
  readPieces,
} from "./tree.ts";
import { dropFolderDraft, openFolderDraft, resumeFolderDraft } from "./draft.ts";
import { placeDraft, placeDraftUnchecked, replaceTarget } from "./placement.ts";
import { SMALL_BYTES, SmallDraft } from "./small_draft.ts";
import { foldersIn, isDraftOf, RunFile, runOfFile, tryLock } from "./run_file.ts";
import type { Store } from "../store.ts";
import type { Writer } from "./writer.ts";
import { join } from "@std/path";

/** Options of {@linkcode openFolder}. */
export interface FolderOptions {
  /** Whether to sync files to disk; without it, a power failure may lose published files. */
  readonly sync: boolean;
  /** For names that no other process can guess. */
  readonly random: Random;
  /** Starts the thread that writes large files, on the first one. Default: no thread. */
  readonly startWriter?: () => Promise<Writer | null>;
}

/**
 * Opens a store in a folder. The folder is created with the first draft. It may be a symbolic link;
 * links below it are neither followed nor replaced. The revision of a file is its modification
 * time. File systems have no conditional rename, so if two processes publish the same key, the
 * last one wins.
 *
 * @param root Absolute path of the folder.
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
  const buffers = new BufferPool();
  const writer = () => starting ??= startWriter();
  const context: FolderContext = { root, sync, random, tree, runFile, writer, fileSystem };
  return {
    location: root,
    begin: async (key, { expectedBytes }) => {
      const placement = await placeDraftUnchecked(key, context);
      return (expectedBytes ?? 0) <= SMALL_BYTES
        ? new SmallDraft(placement, context, buffers)
        : await openFolderDraft(placement, expectedBytes, context);
    },
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
      if (!await tree.isIntact(found.folder)) throw replacedError(found.folder.path);
      await removeIfExists(fileSystem, found.path);
    },
    sweep: () => sweepDeadRuns(context),
    close: async (isClean) => {
      // The error of a thread that did not start was reported by the draft.
      (await starting?.catch(() => null))?.[Symbol.dispose]();
      await runFile.close(isClean);
    },
  };
}

/**
 * Publishes `from` under `to` as well, by a hard link.
 *
 * @returns False if `from` does not exist or links are unsupported.
 */
async function linkPublished(
  from: string,
  to: string,
  context: FolderContext,
): Promise<boolean> {
  const source = await findFile(from, context);
  return source !== null && await linkTo(to, source, context);
}

/** Hard-links a file to the target of `to`; false, with nothing done, if that is impossible. */
async function linkTo(to: string, source: FoundFile, context: FolderContext): Promise<boolean> {
  const { tree, fileSystem } = context;
  const placement = await placeDraft(to, context);
  const permissions = permissionsOf(source.info);
  // Links share their permissions, so those of the existing file would be lost.
  const { existing } = placement;
  if (existing !== null && permissionsOf(existing) !== permissions) return false;
  try {
    await fileSystem.link(source.path, placement.draftPath);
  } catch {
    // Links may be unsupported or too many; copying reports any other error.
    return false;
  }
  try {
    // If the source was replaced by a link, this is a link to it, which `checkInside` must not follow.
    if (!(await fileSystem.lstat(placement.draftPath)).isFile) throw replacedError(source.path);
    await tree.checkInside(placement.folder, placement.draftPath);
    await replaceTarget(placement, permissions, false, context);
    return true;
  } finally {
    // Renaming one link of a file over another succeeds without removing the first (POSIX).
    await removeIfExists(fileSystem, placement.draftPath);
  }
}

/**
 * Removes the drafts of crashed runs: those whose run file is not locked. Runs whose files cannot be
 * removed, or locked on a file system without locks, are skipped.
 *
 * @returns The number of drafts removed.
 */
async function sweepDeadRuns(context: FolderContext): Promise<number> {
  const { root, runFile, fileSystem } = context;
  let removed = 0;
  for (const entry of await readDirIfExists(fileSystem, root)) {
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
    if (await tryLock(file) !== true) return;
    const { size } = await file.stat();
    const text = new TextDecoder().decode(await readFull(file, new Uint8Array(size)));
    for (const key of foldersIn(text)) {
      const folder = await tree.find(key);
      if (folder === null || !await tree.isIntact(folder)) continue;
      for (const { name } of await readDirIfExists(fileSystem, folder.path)) {
        if (!isDraftOf(run, name)) continue;
        await removeIfExists(fileSystem, join(folder.path, name));
        removed();
      }
    }
    await removeIfExists(fileSystem, path);
  } finally {
    file.close();
  }
}
