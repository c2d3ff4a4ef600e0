/** A store in memory, for tests and for runs that keep no files. */

import type { Validators } from "../core/result.ts";
import { createStore } from "./create_store.ts";
import type { DraftSteps } from "./draft.ts";
import type { BeginOptions, Driver } from "./driver.ts";
import { alreadyExists, changedConcurrently } from "./errors.ts";
import type { Store, StoredFile } from "./store.ts";

interface MemoryFile extends StoredFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Opens an empty store. Keys are flat, as in a bucket: `a` and `a/b` may both be files. There is
 * no clock: `modifiedMs` counts publications.
 *
 * @param recorded Files that exist without their bytes, for downloads that compare with them.
 */
export function openMemory(recorded: Iterable<Validators> = []): Store {
  return createStore(memoryDriver(recorded));
}

function memoryDriver(recorded: Iterable<Validators>): Driver {
  const files = new Map<string, MemoryFile>();
  for (const { key, sizeBytes, revision, sha256 } of recorded) {
    files.set(key, { bytes: new Uint8Array(), sizeBytes, modifiedMs: 0, revision, sha256 });
  }
  const suspended = new Map<string, Uint8Array<ArrayBuffer>>();
  let suspensions = 0;
  let publications = 0;

  const stat = (key: string): StoredFile | null => {
    const file = files.get(key);
    return file ? storedOf(file) : null;
  };

  const beginDraft = (
    key: string,
    pieces: Uint8Array<ArrayBuffer>[],
    options: BeginOptions,
  ): DraftSteps => {
    const existing = options.existing === undefined ? stat(key) : options.existing;
    let whole = new Uint8Array();
    return {
      existing,
      append: (bytes) => Promise.try(() => void pieces.push(bytes.slice())),
      seal: () => Promise.try(() => void (whole = joined(pieces.splice(0)))),
      read: () => Promise.resolve(whole.slice()),
      publish: ({ key: target, ifUnchanged, exclusive, sizeBytes, sha256 }) =>
        Promise.try(() => {
          const current = stat(target);
          if (exclusive && current !== null) throw alreadyExists();
          if (ifUnchanged && current?.revision !== existing?.revision) {
            if (current?.sha256 !== sha256) throw changedConcurrently();
            return current;
          }
          const modifiedMs = ++publications;
          const revision = String(modifiedMs);
          const file = { bytes: whole, sizeBytes, modifiedMs, revision, sha256 };
          files.set(target, file);
          return storedOf(file);
        }),
      suspend: () =>
        Promise.try(() => {
          const name = `suspended-${++suspensions}`;
          suspended.set(suspendedId(key, name), joined(pieces.splice(0)));
          return name;
        }),
      remove: () => Promise.try(() => void pieces.splice(0)),
    };
  };

  return {
    location: "memory:",
    begin: (key, options) => Promise.try(beginDraft, key, [], options),
    resume: (key, name, _signal, options) =>
      Promise.try(() => {
        const id = suspendedId(key, name);
        const bytes = suspended.get(id);
        if (!bytes) return null;
        suspended.delete(id);
        return { steps: beginDraft(key, [bytes], options), partial: singlePiece(bytes) };
      }),
    drop: (key, name) => Promise.try(() => void suspended.delete(suspendedId(key, name))),
    stat: (key) => Promise.try(stat, key),
    read: (key) =>
      Promise.try(() => {
        const file = files.get(key);
        return file ? singlePiece(file.bytes.slice()) : null;
      }),
    async *list(prefix) {
      const start = prefix === "" ? "" : `${prefix}/`;
      for (const [key, file] of [...files]) {
        if (key.startsWith(start)) yield { key, ...storedOf(file) };
      }
    },
    remove: (key) => Promise.try(() => void files.delete(key)),
  };
}

async function* singlePiece(
  bytes: Uint8Array<ArrayBuffer>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield bytes;
}

function suspendedId(key: string, name: string): string {
  return JSON.stringify([key, name]);
}

function storedOf({ bytes: _, ...file }: MemoryFile): StoredFile {
  return file;
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
