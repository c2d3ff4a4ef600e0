/**
 * Drafts that stay in memory until they are published. A file that is refused, or whose bytes are
 * published already, never touches the disk, and a published one exists as a draft only between two
 * adjacent calls.
 */

import type { BufferPool } from "../../core/allocation.ts";
import { type DraftSteps, extendHead, HEAD_BYTES, type PublishRequest } from "../draft.ts";
import type { PublishedFile, StoredFile } from "../store.ts";
import { FolderDraft } from "./draft.ts";
import { storedFile } from "./file_system.ts";
import { createDraftFile, type Placement } from "./placement.ts";
import type { FolderContext } from "./tree.ts";

/** Bytes that a draft keeps in memory; with more, it becomes a file. */
export const SMALL_BYTES: number = 256 * 1024;

/** A draft of a file of at most {@linkcode SMALL_BYTES}, or of unknown size. */
export class SmallDraft implements DraftSteps {
  readonly existing: StoredFile | null;
  readonly #placement: Placement;
  readonly #context: FolderContext;
  readonly #buffers: BufferPool;
  /** The buffer of the first piece, or null if that is a copy. */
  #kept: ArrayBuffer | null = null;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #sizeBytes = 0;
  /** The first bytes, once those in memory are in a file. */
  #head: Uint8Array<ArrayBuffer> | null = null;
  /** The file with all bytes, once there is one; `#pieces` is empty then. */
  #file: FolderDraft | null = null;

  /**
   * Creates no file. The folder must be in the run file.
   *
   * @param buffers Buffers to exchange for written ones, which are used again after publishing.
   */
  constructor(placement: Placement, context: FolderContext, buffers: BufferPool) {
    this.#buffers = buffers;
    this.existing = placement.existing && storedFile(placement.existing);
    this.#placement = placement;
    this.#context = context;
  }

  append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | void> | ArrayBuffer | void {
    this.#sizeBytes += bytes.length;
    if (!this.#file && this.#sizeBytes <= SMALL_BYTES) {
      const { buffer } = bytes;
      // Keep only the first buffer: later ones may be nearly empty.
      const isKept = this.#pieces.length === 0 && this.#buffers.keeps(buffer.byteLength);
      this.#pieces.push(isKept ? bytes : bytes.slice());
      if (!isKept) return;
      this.#kept = buffer;
      return this.#buffers.take(buffer.byteLength);
    }
    return this.#appendToFile(bytes);
  }

  async #appendToFile(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer | void> {
    const file = await this.#toFile();
    this.#head = extendHead(this.head(), bytes);
    return await file.append(bytes);
  }

  head(): Uint8Array<ArrayBuffer> {
    return this.#head ?? this.#whole().subarray(0, HEAD_BYTES);
  }

  seal(sizeBytes: number): Promise<void> | void {
    return this.#file?.seal(sizeBytes);
  }

  async read(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#file ? await this.#file.read() : this.#whole().slice();
  }

  async pieces(): Promise<AsyncIterable<Uint8Array<ArrayBuffer>>> {
    return this.#file ? await this.#file.pieces() : ReadableStream.from([this.#whole()]);
  }

  async publish(request: PublishRequest): Promise<PublishedFile> {
    if (this.#file) return await this.#file.publish(request);
    const file = await this.#toFile();
    this.#head = null;
    if (this.#kept) this.#buffers.release(this.#kept);
    await file.seal(request.sizeBytes);
    return await file.publishUnchecked(request);
  }

  async suspend(sizeBytes: number): Promise<string> {
    return await (await this.#toFile()).suspend(sizeBytes);
  }

  async remove(): Promise<void> {
    this.#pieces = [];
    await this.#file?.remove();
  }

  /** All bytes, while they are in memory. */
  #whole(): Uint8Array<ArrayBuffer> {
    const [first, second] = this.#pieces;
    if (first && !second) return first;
    const whole = new Uint8Array(this.#pieces.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const piece of this.#pieces) {
      whole.set(piece, offset);
      offset += piece.length;
    }
    this.#pieces = [whole];
    return whole;
  }

  /** Writes the bytes in memory to a file, which has all further ones. */
  async #toFile(): Promise<FolderDraft> {
    if (this.#file) return this.#file;
    const { placement, file: opened } = await createDraftFile(this.#placement, this.#context);
    const file = this.#file = new FolderDraft(placement, opened, null, this.#context);
    const whole = this.#whole();
    this.#head = whole.length > HEAD_BYTES ? whole.slice(0, HEAD_BYTES) : whole;
    this.#pieces = [];
    if (whole.length > 0) await file.append(whole);
    return file;
  }
}
