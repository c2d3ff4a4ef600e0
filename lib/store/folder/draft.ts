/** Drafts in a folder: files beside their targets, linked to or renamed over them. */

import { join } from "@std/path";
import type { DraftSteps, PublishRequest } from "../draft.ts";
import type { ResumedSteps } from "../driver.ts";
import { DriverError } from "../errors.ts";
import {
  lstatIfExists,
  type OpenFile,
  permissionsOf,
  readFull,
  removeIfExists,
  replacedError,
  storedFile,
  writeAll,
} from "./file_system.ts";
import { createDraftFile, placeDraft, type Placement, replaceTarget } from "./placement.ts";
import { type FolderContext, piecesOf, readPieces } from "./tree.ts";
import { folderOf } from "../../core/key.ts";
import { isSuspendedName, suspendedName } from "./run_file.ts";
import type { PublishedFile, StoredFile } from "../store.ts";
import type { WriterFile } from "./writer.ts";

/** Smaller files are nearly written before the writer thread has started. */
const LARGE_BYTES = 32 * 1024 * 1024;

/**
 * Creates the file of a draft.
 *
 * @param placement Where, as `placeDraftUnchecked` returned it.
 * @param expectedBytes Expected size, or null; a large file is written by the writer thread.
 */
export async function openFolderDraft(
  placement: Placement,
  expectedBytes: number | null,
  context: FolderContext,
): Promise<FolderDraft> {
  const created = await createDraftFile(placement, context);
  const { file, placement: { draftPath } } = created;
  const isLarge = expectedBytes !== null && expectedBytes >= LARGE_BYTES;
  try {
    const writer = isLarge ? await context.writer() : null;
    const remote = writer && await writer.open(draftPath, file);
    return new FolderDraft(created.placement, file, remote, context);
  } catch (error) {
    file.close();
    await removeIfExists(context.fileSystem, draftPath);
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

/** A draft that is a file. */
export class FolderDraft implements DraftSteps {
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

  append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | void> {
    return this.#remote ? this.#remote.append(bytes) : writeAll(this.#file, bytes);
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
    const { folder } = this.#placement;
    const isIntact = !request.ifUnchanged || await this.#context.tree.isIntact(folder);
    if (!isIntact) throw replacedError(folder.path);
    return await this.publishUnchecked(request);
  }

  /**
   * As {@linkcode publish}, but without checking again that the folder is intact. For a draft that
   * was created just now.
   */
  async publishUnchecked(request: PublishRequest): Promise<PublishedFile> {
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
