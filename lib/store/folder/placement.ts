/** Where a draft and its target are, and the calls that create the one and replace the other. */

import { alreadyExists, DriverError, isNotFound } from "../errors.ts";
import {
  type FileSystem,
  lstatIfExists,
  type OpenFile,
  permissionsOf,
  removeIfExists,
  replacedError,
} from "./file_system.ts";
import { type FolderContext, pathIn, type RealFolder } from "./tree.ts";
import { folderOf, nameOf } from "../../core/key.ts";
import { draftName } from "./run_file.ts";

/** Names of up to so many UTF-16 code units fit into every file system in any encoding. */
const SHORT_NAME_UNITS = 80;

/** The paths of a draft and its target. */
export interface Placement {
  readonly key: string;
  /** Contains both: a rename across devices would not be atomic. */
  readonly folder: RealFolder;
  /** Absolute. */
  readonly targetPath: string;
  /** Absolute, unused and unguessable. */
  readonly draftPath: string;
  /** The published file, or null. */
  readonly existing: Deno.FileInfo | null;
}

/**
 * Prepares a draft of `key`: creates its folder and lists it in the run file. The draft itself is
 * not created.
 *
 * @throws {DriverError} `store.conflict`: a link, or an entry of another type, is in the way.
 */
export async function placeDraft(key: string, context: FolderContext): Promise<Placement> {
  return await placeDraftIn(await context.tree.make(folderOf(key)), key, context);
}

/**
 * As {@linkcode placeDraft}, but without checking again that a known folder is intact:
 * {@linkcode createDraftFile} does that once the file exists.
 */
export function placeDraftUnchecked(key: string, context: FolderContext): Promise<Placement> {
  const folder = context.tree.known(folderOf(key));
  return folder ? placeDraftIn(folder, key, context) : placeDraft(key, context);
}

async function placeDraftIn(
  folder: RealFolder,
  key: string,
  { runFile, random, fileSystem }: FolderContext,
): Promise<Placement> {
  const targetPath = pathIn(folder.path, nameOf(key));
  // `exists` does not report a name that is too long; `lstat` does.
  const isShort = nameOf(key).length <= SHORT_NAME_UNITS;
  const existing = isShort && !await fileSystem.exists(targetPath)
    ? null
    : await existingTarget(targetPath, fileSystem);
  const run = runFile.runOf(folderOf(key)) ?? await runFile.add(folderOf(key));
  const draftPath = pathIn(folder.path, draftName(run, random.name()));
  return { key, folder, targetPath, draftPath, existing };
}

/** The open file of a draft. */
export interface DraftFile {
  readonly placement: Placement;
  readonly file: OpenFile;
}

/**
 * Creates the file of a draft. Its folder is checked once, after the file was opened and before any
 * byte is written; if the folder is missing or was replaced, it is resolved again.
 *
 * @throws {DriverError} `store.conflict`: the folder was replaced, and the target with it.
 */
export async function createDraftFile(
  placement: Placement,
  context: FolderContext,
): Promise<DraftFile> {
  try {
    return await tryCreateDraftFile(placement, context);
  } catch (error) {
    if (!isNotFound(error) && !(error instanceof DriverError)) throw error;
    context.tree.forget();
    const again = await placeDraftUnchecked(placement.key, context);
    // The caller has decided by the file that it knows to exist.
    if (!isSameFile(again.existing, placement.existing)) throw replacedError(placement.folder.path);
    return await tryCreateDraftFile(again, context);
  }
}

async function tryCreateDraftFile(
  placement: Placement,
  { tree, fileSystem }: FolderContext,
): Promise<DraftFile> {
  const { folder, draftPath, existing } = placement;
  const permissions = existing && permissionsOf(existing);
  const file = await fileSystem.open(draftPath, {
    write: true,
    createNew: true,
    // The system applies the umask; publishing restores these bits.
    ...(permissions === null ? {} : { mode: permissions }),
  });
  try {
    await tree.checkInside(folder, draftPath);
    return { placement, file };
  } catch (error) {
    file.close();
    await removeIfExists(fileSystem, draftPath);
    throw error;
  }
}

/**
 * Publishes a draft after checking its target once more; the caller has checked the folder. If the
 * target is missing, the draft is hard-linked to it, which fails if anything is created there
 * concurrently, a dangling link included; otherwise it is renamed over the target.
 *
 * Both calls fail if the folder is replaced concurrently: the draft's name is unguessable, so it
 * does not exist elsewhere.
 *
 * With `sync`, the folder is synced too. A failure of that is ignored: the file is published, and
 * after a power failure the next run would find the old one and download the new one again.
 *
 * @throws {DriverError} `store.conflict`, or an error of the file system; the target is unchanged.
 */
export async function replaceTarget(
  placement: Placement,
  draftPermissions: number | null,
  exclusive: boolean,
  { sync, tree, fileSystem }: FolderContext,
): Promise<void> {
  const { folder, existing } = placement;
  if (exclusive && existing !== null) throw alreadyExists();
  try {
    if (existing !== null || !await linkNew(placement, exclusive, fileSystem)) {
      await renameOver(placement, draftPermissions, exclusive, fileSystem);
    }
  } catch (error) {
    if (!isNotFound(error) || await tree.isIntact(folder)) throw error;
    throw replacedError(folder.path);
  }
  if (sync) await syncFolder(folder.path, fileSystem).catch(() => {});
}

/**
 * Hard-links a draft to its target.
 *
 * @returns False, with nothing done, if the target exists or links are unsupported.
 * @throws {DriverError} `store.conflict`: the target exists and `exclusive` is set.
 */
async function linkNew(
  { targetPath, draftPath }: Placement,
  exclusive: boolean,
  fileSystem: FileSystem,
): Promise<boolean> {
  try {
    await fileSystem.link(draftPath, targetPath);
  } catch (error) {
    if (exclusive && error instanceof Deno.errors.AlreadyExists) throw alreadyExists();
    // Links may be unsupported or too many; renaming reports any other error.
    return false;
  }
  try {
    await fileSystem.remove(draftPath);
  } catch {
    // The file is published; a sweep removes the draft's name.
  }
  return true;
}

async function renameOver(
  { targetPath, draftPath }: Placement,
  draftPermissions: number | null,
  exclusive: boolean,
  fileSystem: FileSystem,
): Promise<void> {
  const existing = await existingTarget(targetPath, fileSystem);
  // Without links there is no exclusive rename, so check as late as possible.
  if (exclusive && existing !== null) throw alreadyExists();
  const permissions = existing && permissionsOf(existing);
  if (permissions !== null && permissions !== draftPermissions) {
    await fileSystem.chmod(draftPath, permissions);
  }
  await fileSystem.rename(draftPath, targetPath);
}

/** Whether two states of a target are the same one. */
function isSameFile(one: Deno.FileInfo | null, other: Deno.FileInfo | null): boolean {
  return one?.ino === other?.ino && one?.mtime?.getTime() === other?.mtime?.getTime();
}

/** The file at a path, or null; throws if another type of entry exists there. */
async function existingTarget(
  path: string,
  fileSystem: FileSystem,
): Promise<Deno.FileInfo | null> {
  const existing = await lstatIfExists(fileSystem, path);
  const obstacle = existing && targetObstacle(existing);
  if (obstacle !== null) throw new DriverError("store.conflict", `${path} ${obstacle}`);
  return existing;
}

/** Why an entry cannot be replaced by a file, as a clause; or null. */
function targetObstacle(info: Deno.FileInfo): string | null {
  if (info.isSymlink) return "is a symbolic link, which is not followed; remove it";
  if (info.isDirectory) return "is a folder; move it away, or choose another name";
  return info.isFile ? null : "is not a regular file; move it away, or choose another name";
}

async function syncFolder(path: string, fileSystem: FileSystem): Promise<void> {
  // The minifier of the bundle would lose a `using` here.
  const folder = await fileSystem.open(path, { read: true });
  try {
    await folder.sync();
  } finally {
    folder.close();
  }
}
