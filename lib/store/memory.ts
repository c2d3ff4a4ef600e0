/** A store in memory, for tests and for runs that shall leave nothing behind. */

import { createHash } from "node:crypto";
import { createDraft } from "./draft.ts";
import { nothingToCopy, storeClosed } from "./errors.ts";
import { checkKey, checkPrefix } from "./key.ts";
import type { Draft, ListedFile, Store, StoredFile } from "./store.ts";

interface MemoryFile extends StoredFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Opens an empty store that lives as long as the process. Keys are flat, as in
 * a bucket: `a` and `a/b` may both be files. It has no clock: `modifiedMs`
 * counts what was published, so that a new version never looks like the old one.
 */
export function openMemory(): Store {
  const files = new Map<string, MemoryFile>();
  const drafts = new Set<Draft>();
  let publications = 0;
  let closed = false;

  function put(key: string, bytes: Uint8Array<ArrayBuffer>): StoredFile {
    const file = { bytes, sizeBytes: bytes.length, modifiedMs: ++publications };
    files.set(key, file);
    return known(file);
  }

  function find(key: string): MemoryFile | null {
    checkKey(key);
    return files.get(key) ?? null;
  }

  function startDraft(key: string): Draft {
    checkKey(key);
    if (closed) throw storeClosed();
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let whole = new Uint8Array();
    const draft = createDraft({
      append: (bytes) => Promise.try(() => void pieces.push(bytes.slice())),
      seal: () => Promise.try(() => void (whole = joined(pieces.splice(0)))),
      read: () => Promise.resolve(whole.slice()),
      publish: () => Promise.resolve(put(key, whole)),
      remove: () => Promise.try(() => void pieces.splice(0)),
    }, () => drafts.delete(draft));
    drafts.add(draft);
    return draft;
  }

  function digest(key: string, signal: AbortSignal): string | null {
    signal.throwIfAborted();
    const file = find(key);
    return file && createHash("sha256").update(file.bytes).digest("hex");
  }

  function copy(from: string, to: string): void {
    checkKey(to);
    const file = find(from);
    if (file === null) throw nothingToCopy(from);
    put(to, file.bytes);
  }

  function stat(key: string): StoredFile | null {
    const file = find(key);
    return file && known(file);
  }

  function remove(key: string): void {
    checkKey(key);
    files.delete(key);
  }

  return {
    location: "memory:",
    draft: (key) => Promise.try(startDraft, key),
    stat: (key) => Promise.try(stat, key),
    digest: (key, signal) => Promise.try(digest, key, signal),
    async *list(prefix): AsyncGenerator<ListedFile> {
      checkPrefix(prefix);
      const beginning = prefix === "" ? "" : `${prefix}/`;
      for (const [key, file] of [...files]) {
        if (key.startsWith(beginning)) yield { key, ...known(file) };
      }
    },
    copy: (from, to) => Promise.try(copy, from, to),
    remove: (key) => Promise.try(remove, key),
    sweep: () => Promise.resolve(0),
    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.all([...drafts].map((draft) => draft.discard()));
    },
  };
}

function known({ sizeBytes, modifiedMs }: MemoryFile): StoredFile {
  return { sizeBytes, modifiedMs };
}

function joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sizeBytes, piece) => sizeBytes + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}
