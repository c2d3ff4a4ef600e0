/** Drafts in a folder: files beside their targets, linked to or renamed over them. */

import { join } from "@std/path";
import type { DraftSteps, PublishRequest } from "../draft.ts";
import type { ResumedSteps } from "../driver.ts";
import { alreadyExists, DriverError, isNotFound } from "../errors.ts";
import {
  type FileSystem,
  lstatIfExists,
  type OpenFile,
  permissionsOf,
  readFull,
  removeIfExists,
  replacedError,
  storedFile,
  writeAll,
} from "./file_system.ts";
import { type FolderContext, piecesOf, readPieces, type RealFolder } from "./tree.ts";
import { folderOf, nameOf } from "../../core/key.ts";
import { draftName, isSuspendedName, suspendedName } from "./run_file.ts";
import type { PublishedFile, StoredFile } from "../store.ts";
import type { WriterFile } from "./writer.ts";

/** Names of up to so many UTF-16 code units fit into every file system in any encoding. */
const SHORT_NAME_UNITS = 80;
/** Smaller files are nearly written before the writer thread has started. */
const LARGE_BYTES = 32 * 1024 * 1024;

/** The paths of a draft and its target. */
export interface Placement {
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

async function placeDraftIn(
  folder: RealFolder,
  key: string,
  { runFile, random, fileSystem }: FolderContext,
): Promise<Placement> {
  const targetPath = join(folder.path, nameOf(key));
  // `exists` does not report a name that is too long; `lstat` does.
  const isShort = nameOf(key).length <= SHORT_NAME_UNITS;
  const existing = isShort && !await fileSystem.exists(targetPath)
    ? null
    : await existingTarget(targetPath, fileSystem);
  const run = await runFile.add(folderOf(key));
  return {
    folder,
    targetPath,
    existing,
    draftPath: join(folder.path, draftName(run, random.name())),
  };
}

/**
 * Publishes a draft after checking its folder and target once more. If the target is missing, the
 * draft is hard-linked to it, which fails if the target is created concurrently; otherwise it is
 * renamed over the target.
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
  if (!await tree.isIntact(folder)) throw replacedError(folder.path);
  if (exclusive && existing !== null) throw alreadyExists();
  if (existing !== null || !await linkNew(placement, exclusive, fileSystem)) {
    await renameOver(placement, draftPermissions, exclusive, fileSystem);
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
  // The file is published; if the draft's name remains, a sweep removes it.
  await removeIfExists(fileSystem, draftPath).catch(() => {});
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

/**
 * Creates a draft of `key`.
 *
 * @param expectedBytes Expected size, or null; a large file is written by the writer thread.
 */
export async function openFolderDraft(
  key: string,
  expectedBytes: number | null,
  context: FolderContext,
): Promise<DraftSteps> {
  const { placement, file } = await createDraftFile(key, context);
  const { draftPath } = placement;
  const isLarge = expectedBytes !== null && expectedBytes >= LARGE_BYTES;
  try {
    const writer = isLarge ? await context.writer() : null;
    const remote = writer && await writer.open(draftPath, file);
    return new FolderDraft(placement, file, remote, context);
  } catch (error) {
    file.close();
    await removeIfExists(context.fileSystem, draftPath);
    throw error;
  }
}

/** The open file of a draft. */
interface DraftFile {
  readonly placement: Placement;
  readonly file: OpenFile;
}

/**
 * Creates the file of a draft. Its folder is checked once, after the file was opened; if the folder
 * is missing or was replaced, it is resolved again.
 */
async function createDraftFile(key: string, context: FolderContext): Promise<DraftFile> {
  try {
    return await tryCreateDraftFile(key, context);
  } catch (error) {
    if (!isNotFound(error) && !(error instanceof DriverError)) throw error;
    context.tree.forget();
    return await tryCreateDraftFile(key, context);
  }
}

async function tryCreateDraftFile(key: string, context: FolderContext): Promise<DraftFile> {
  const { tree, fileSystem } = context;
  const folder = await tree.makeUnchecked(folderOf(key));
  const placement = await placeDraftIn(folder, key, context);
  const { draftPath, existing } = placement;
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
 * Resumes a suspended draft of `key`. It is renamed to a draft of the current run, so that a sweep
 * removes it if this run crashes.
 *
 * @returns Null if it does not exist.
 */
export async function resumeFolderDraft(
  key: string,
  name: string,
  context: FolderContext,
): Promise<ResumedSteps | null> {
  const { fileSystem } = context;
  if (!isSuspendedName(name)) return null;
  const placement = await placeDraft(key, context);
  const { draftPath } = placement;
  const suspendedPath = join(placement.folder.path, name);
  if (!(await lstatIfExists(fileSystem, suspendedPath))?.isFile) return null;
  await fileSystem.rename(suspendedPath, draftPath);
  await context.tree.checkInside(placement.folder, draftPath);
  const file = await fileSystem.open(draftPath, { read: true, append: true });
  return { steps: new FolderDraft(placement, file, null, context), partial: piecesOf(file) };
}

/** Removes a suspended draft of `key`. */
export async function dropFolderDraft(
  key: string,
  name: string,
  { tree, fileSystem }: FolderContext,
): Promise<void> {
  if (!isSuspendedName(name)) return;
  const folder = await tree.find(folderOf(key));
  if (folder !== null) await removeIfExists(fileSystem, join(folder.path, name));
}

class FolderDraft implements DraftSteps {
  readonly existing: StoredFile | null;
  readonly digest?: () => Promise<string>;
  readonly #placement: Placement;
  readonly #file: OpenFile;
  /** The same file in the writer thread, which hashes as well; null to do both here. */
  readonly #remote: WriterFile | null;
  readonly #context: FolderContext;
  #isOpen = true;
  #sha256 = "";
  #permissions: number | null = null;
  #stored: PublishedFile = { sizeBytes: 0, revision: "" };

  constructor(
    placement: Placement,
    file: OpenFile,
    remote: WriterFile | null,
    context: FolderContext,
  ) {
    if (remote) this.digest = () => Promise.resolve(this.#sha256);
    this.#remote = remote;
    this.existing = placement.existing && storedFile(placement.existing);
    this.#placement = placement;
    this.#file = file;
    this.#context = context;
  }

  async append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | void> {
    if (this.#remote) return await this.#remote.append(bytes);
    await writeAll(this.#file, bytes);
  }

  async seal(sizeBytes: number): Promise<void> {
    if (this.#remote) this.#sha256 = await this.#remote.end();
    // Closing does not report lost writes; the size of the file does.
    const info = await this.#file.stat();
    if (info.size !== sizeBytes) throw wrongSize(sizeBytes, info.size);
    if (this.#context.sync) await this.#file.sync();
    this.#close();
    this.#permissions = permissionsOf(info);
    this.#stored = storedFile(info);
  }

  async pieces(): Promise<AsyncIterable<Uint8Array<ArrayBuffer>>> {
    const info = { size: this.#stored.sizeBytes };
    return await readPieces({ path: this.#placement.draftPath, info }, this.#context);
  }

  async read(): Promise<Uint8Array<ArrayBuffer>> {
    const { sizeBytes } = this.#stored;
    using file = await this.#context.fileSystem.open(this.#placement.draftPath, { read: true });
    const bytes = await readFull(file, new Uint8Array(sizeBytes));
    if (bytes.length !== sizeBytes) throw wrongSize(sizeBytes, bytes.length);
    return bytes;
  }

  /** Called before the file is published: the time of a published file never changes. */
  async #setModified(modifiedMs: number): Promise<void> {
    const { fileSystem } = this.#context;
    const { draftPath } = this.#placement;
    await fileSystem.utime(draftPath, modifiedMs / 1000, modifiedMs / 1000);
    // The file system may round the time, which is the revision.
    this.#stored = storedFile(await fileSystem.lstat(draftPath));
  }

  async publish(request: PublishRequest): Promise<PublishedFile> {
    const { key, ifUnchanged, exclusive, modifiedMs } = request;
    const { draftPath } = this.#placement;
    // Some file systems cannot set it; the file then keeps the time of writing.
    if (modifiedMs !== null) await this.#setModified(modifiedMs).catch(() => {});
    const placement = ifUnchanged
      ? this.#placement
      : { ...await placeDraft(key, this.#context), draftPath };
    await replaceTarget(placement, this.#permissions, exclusive, this.#context);
    return this.#stored;
  }

  async suspend(sizeBytes: number): Promise<string> {
    await this.#remote?.end();
    const { size } = await this.#file.stat();
    if (size !== sizeBytes) throw wrongSize(sizeBytes, size);
    this.#close();
    const { folder, draftPath } = this.#placement;
    const name = suspendedName(this.#context.random.name());
    await this.#context.fileSystem.rename(draftPath, join(folder.path, name));
    return name;
  }

  async remove(): Promise<void> {
    // Some systems cannot remove a file that is open in the thread; after an error, it is closed.
    await this.#remote?.end().catch(() => {});
    this.#close();
    await removeIfExists(this.#context.fileSystem, this.#placement.draftPath);
  }

  #close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

function wrongSize(writtenBytes: number, foundBytes: number): DriverError {
  return new DriverError("store.failed", `wrote ${writtenBytes} bytes, the file has ${foundBytes}`);
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
  using folder = await fileSystem.open(path, { read: true });
  await folder.sync();
}
