/** A store in memory, for tests and for runs that shall leave nothing behind. */

import { createHash } from "node:crypto";
import { createDraft, type DraftSteps } from "./draft.ts";
import { nothingToCopy, storeClosed } from "./errors.ts";
import { checkKey, checkPrefix } from "./key.ts";
import type { Draft, ListedFile, Resumed, Store, StoredFile } from "./store.ts";

/** How much of a draft that goes on is given back for a look. */
const HEAD_BYTES = 64 * 1024;

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
  const suspended = new Map<string, Uint8Array<ArrayBuffer>>();
  let suspensions = 0;
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

  function startDraft(key: string, beginning?: Uint8Array<ArrayBuffer>): Draft {
    checkKey(key);
    if (closed) throw storeClosed();
    const pieces = beginning ? [beginning] : [];
    let whole = new Uint8Array();
    const steps: DraftSteps = {
      replaces: stat(key),
      append: (bytes) => Promise.try(() => void pieces.push(bytes.slice())),
      seal: () => Promise.try(() => void (whole = joined(pieces.splice(0)))),
      read: () => Promise.resolve(whole.slice()),
      publish: (as = key) =>
        Promise.try(() => {
          checkKey(as);
          return put(as, whole);
        }),
      suspend: () =>
        Promise.try(() => {
          const name = `suspended-${++suspensions}`;
          suspended.set(suspendedId(key, name), joined(pieces.splice(0)));
          return name;
        }),
      remove: () => Promise.try(() => void pieces.splice(0)),
    };
    const before = beginning && {
      hash: createHash("sha256").update(beginning),
      sizeBytes: beginning.length,
    };
    const draft = createDraft(steps, () => drafts.delete(draft), before);
    drafts.add(draft);
    return draft;
  }

  function resume(key: string, name: string): Resumed | null {
    const id = suspendedId(key, name);
    const beginning = suspended.get(id);
    if (!beginning) return null;
    suspended.delete(id);
    return { draft: startDraft(key, beginning), head: beginning.slice(0, HEAD_BYTES) };
  }

  function drop(key: string, name: string): void {
    suspended.delete(suspendedId(key, name));
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
    resume: (key, name) => Promise.try(resume, key, name),
    drop: (key, name) => Promise.try(drop, key, name),
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

function suspendedId(key: string, name: string): string {
  return JSON.stringify([key, name]);
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
