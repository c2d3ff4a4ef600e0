/** Drafts in a folder: a file beside its target, renamed over it in the end. */

import { join } from "@std/path";
import type { DraftSteps, PublishRequest } from "../draft.ts";
import type { ResumedSteps } from "../driver.ts";
import { alreadyExists, DriverError } from "../errors.ts";
import {
  type FileSystem,
  lstatIfThere,
  type OpenFile,
  permissionsOf,
  readInto,
  removeIfThere,
  storedFile,
  writeAll,
} from "./file_system.ts";
import { type FolderContext, piecesOf, readPieces, type RealFolder, replaced } from "./tree.ts";
import { folderOf, nameOf } from "../key.ts";
import { draftName, isSuspendedName, suspendedName } from "./run_file.ts";
import type { PublishedFile, StoredFile } from "../store.ts";
import type { WriterFile } from "./writer.ts";

/** Names up to so many UTF-16 code units fit in every file system, in whatever encoding. */
const SHORT_NAME = 80;

/** Where a draft stands, and where it goes. */
export interface Placement {
  /** The folder of both: only so is the rename atomic, and never across devices. */
  readonly folder: RealFolder;
  /** Absolute. */
  readonly targetPath: string;
  /** Absolute, free, and not to be guessed. */
  readonly draftPath: string;
  /** What is published now, or null. */
  readonly existing: Deno.FileInfo | null;
}

/**
 * Finds the place for a draft of `key`: makes its folder, and notes it for
 * sweeps. The draft itself is not made.
 *
 * @throws {DriverError} `store.conflict`: something that is not the store's stands in the way.
 */
export async function placeDraft(key: string, context: FolderContext): Promise<Placement> {
  const { tree, runFile, random, fileSystem } = context;
  const folder = await tree.make(folderOf(key));
  const targetPath = join(folder.path, nameOf(key));
  // A name that may be too long is looked at in the way that says so.
  const isShort = nameOf(key).length <= SHORT_NAME;
  const existing = isShort && !await fileSystem.exists(targetPath)
    ? null
    : await existingTarget(targetPath, fileSystem);
  const run = await runFile.note(folderOf(key));
  return {
    folder,
    targetPath,
    existing,
    draftPath: join(folder.path, draftName(run, random.name())),
  };
}

/**
 * Puts a draft in the place of its target, after a last look at both the way there and
 * what stands there. Where nothing did, a link is made, which fails if something does by now;
 * else the draft is renamed over its target.
 *
 * With `sync`, the disk is asked to remember the name; that
 * it cannot is no failure, since the rename is done, and after a crash the old
 * file would merely be found and fetched anew.
 *
 * @throws {DriverError} `store.conflict`, or what the file system throws; the target is as it was.
 */
export async function replaceTarget(
  placement: Placement,
  draftPermissions: number | null,
  exclusive: boolean,
  { sync, tree, fileSystem }: FolderContext,
): Promise<void> {
  const { folder, existing } = placement;
  if (!await tree.isIntact(folder)) throw replaced(folder.path);
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
 * @throws {DriverError} `store.conflict`: the target exists, and the publication is exclusive.
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
    // Many file systems know no links, or not so many; renaming reports any other reason.
    return false;
  }
  // The file is published; a draft's name that stays is invisible, and is swept.
  await removeIfThere(fileSystem, draftPath).catch(() => {});
  return true;
}

async function renameOver(
  { targetPath, draftPath }: Placement,
  draftPermissions: number | null,
  exclusive: boolean,
  fileSystem: FileSystem,
): Promise<void> {
  const existing = await existingTarget(targetPath, fileSystem);
  // Without links there is no exclusive rename: this check comes as late as it can.
  if (exclusive && existing !== null) throw alreadyExists();
  const permissions = existing && permissionsOf(existing);
  if (permissions !== null && permissions !== draftPermissions) {
    await fileSystem.chmod(draftPath, permissions);
  }
  await fileSystem.rename(draftPath, targetPath);
}

/**
 * A file of this size is worth the start of the thread that writes: while that
 * starts, so much is nearly through here.
 */
const LARGE_BYTES = 32 * 1024 * 1024;

/**
 * Makes a draft of `key`, and gives the steps that finish it.
 *
 * @param expectedBytes How many are to come, or null.
 */
export async function openFolderDraft(
  key: string,
  expectedBytes: number | null,
  context: FolderContext,
): Promise<DraftSteps> {
  const placement = await placeDraft(key, context);
  const { draftPath, existing } = placement;
  const permissions = existing && permissionsOf(existing);
  const file = await context.fileSystem.open(draftPath, {
    write: true,
    createNew: true,
    // The system takes the umask's bits off these; publishing puts them back.
    ...(permissions === null ? {} : { mode: permissions }),
  });
  const isLarge = expectedBytes !== null && expectedBytes >= LARGE_BYTES;
  try {
    await context.tree.checkInside(placement.folder, draftPath);
    const writer = isLarge ? await context.writer() : null;
    const elsewhere = writer && await writer.open(draftPath, file);
    return new FolderDraft(placement, file, elsewhere, context);
  } catch (error) {
    file.close();
    await removeIfThere(context.fileSystem, draftPath);
    throw error;
  }
}

/**
 * Takes over a suspended draft of `key`: it gets a name of this run, so that a
 * sweep finds it should this run die.
 *
 * @returns Null where there is none.
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
  if (!(await lstatIfThere(fileSystem, suspendedPath))?.isFile) return null;
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
  if (folder !== null) await removeIfThere(fileSystem, join(folder.path, name));
}

class FolderDraft implements DraftSteps {
  readonly existing: StoredFile | null;
  readonly digest?: () => Promise<string>;
  readonly #placement: Placement;
  readonly #file: OpenFile;
  /** The same file at the thread that writes, and hashes; null where both is done here. */
  readonly #elsewhere: WriterFile | null;
  readonly #context: FolderContext;
  #isOpen = true;
  #sha256 = "";
  #permissions: number | null = null;
  #stored: PublishedFile = { sizeBytes: 0, revision: "" };

  constructor(
    placement: Placement,
    file: OpenFile,
    elsewhere: WriterFile | null,
    context: FolderContext,
  ) {
    if (elsewhere) this.digest = () => Promise.resolve(this.#sha256);
    this.#elsewhere = elsewhere;
    this.existing = placement.existing && storedFile(placement.existing);
    this.#placement = placement;
    this.#file = file;
    this.#context = context;
  }

  async append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | void> {
    if (this.#elsewhere) return await this.#elsewhere.append(bytes);
    await writeAll(this.#file, bytes);
  }

  async seal(sizeBytes: number): Promise<void> {
    if (this.#elsewhere) this.#sha256 = await this.#elsewhere.end();
    // Closing tells nothing of bytes that never arrived; the file's size does.
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
    const bytes = await readInto(file, new Uint8Array(sizeBytes));
    if (bytes.length !== sizeBytes) throw wrongSize(sizeBytes, bytes.length);
    return bytes;
  }

  /** Before the rename, so that a published file never changes its time. */
  async #setModified(modifiedMs: number): Promise<void> {
    const { fileSystem } = this.#context;
    const { draftPath } = this.#placement;
    await fileSystem.utime(draftPath, modifiedMs / 1000, modifiedMs / 1000);
    // The file system may round the time, and the revision is what it says.
    this.#stored = storedFile(await fileSystem.lstat(draftPath));
  }

  async publish(publication: PublishRequest): Promise<PublishedFile> {
    const { key, ifUnchanged, exclusive, modifiedMs } = publication;
    const { draftPath } = this.#placement;
    // Some file systems refuse it; the file then has the time of writing.
    if (modifiedMs !== null) await this.#setModified(modifiedMs).catch(() => {});
    const placement = ifUnchanged
      ? this.#placement
      : { ...await placeDraft(key, this.#context), draftPath };
    await replaceTarget(placement, this.#permissions, exclusive, this.#context);
    return this.#stored;
  }

  async suspend(sizeBytes: number): Promise<string> {
    await this.#elsewhere?.end();
    const { size } = await this.#file.stat();
    if (size !== sizeBytes) throw wrongSize(sizeBytes, size);
    this.#close();
    const { folder, draftPath } = this.#placement;
    const name = suspendedName(this.#context.random.name());
    await this.#context.fileSystem.rename(draftPath, join(folder.path, name));
    return name;
  }

  async remove(): Promise<void> {
    // Some systems remove no file that is open anywhere; of one that failed, nothing is.
    await this.#elsewhere?.end().catch(() => {});
    this.#close();
    await removeIfThere(this.#context.fileSystem, this.#placement.draftPath);
  }

  #close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

function wrongSize(wroteBytes: number, holdsBytes: number): DriverError {
  return new DriverError("store.failed", `wrote ${wroteBytes} bytes, the file holds ${holdsBytes}`);
}

/** The file at a path, or null without one; refuses anything but a file. */
async function existingTarget(
  path: string,
  fileSystem: FileSystem,
): Promise<Deno.FileInfo | null> {
  const existing = await lstatIfThere(fileSystem, path);
  const obstacle = existing && targetObstacle(existing);
  if (obstacle !== null) throw new DriverError("store.conflict", `${path} ${obstacle}`);
  return existing;
}

/** Why what stands at a path must not be replaced by a file, or null if it may be. */
function targetObstacle(existing: Deno.FileInfo): string | null {
  if (existing.isSymlink) return "is a symbolic link, which is not followed; remove it";
  if (existing.isDirectory) return "is a folder; move it away, or choose another name";
  return existing.isFile ? null : "is no ordinary file; move it away, or choose another name";
}

async function syncFolder(path: string, fileSystem: FileSystem): Promise<void> {
  using folder = await fileSystem.open(path, { read: true });
  await folder.sync();
}
