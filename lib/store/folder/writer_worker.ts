/**
 * A thread that hashes and writes what it is handed, so that the one that reads
 * from the network waits neither for the processor nor for a disk.
 */

/// <reference lib="deno.worker" />

import { createHash, type Hash } from "node:crypto";

/** What the thread is asked to do. `file` tells one file from others. */
export type WriterRequest =
  /** Open a file that is there, to append to it. */
  | { readonly kind: "open"; readonly file: number; readonly path: string }
  /** Append these bytes; the buffer behind them is handed over. */
  | { readonly kind: "write"; readonly file: number; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Close the file. */
  | { readonly kind: "end"; readonly file: number };

/** What the thread answers; to one file, in the order of the requests. */
export type WriterAnswer =
  /** Which file it is, as the system tells files apart. */
  | { readonly kind: "opened"; readonly file: number; readonly identity: string }
  /** The buffer comes back. */
  | { readonly kind: "written"; readonly file: number; readonly buffer: ArrayBuffer }
  /** SHA-256 of all bytes written, lower-case hexadecimal. */
  | { readonly kind: "ended"; readonly file: number; readonly sha256: string }
  /** The file is closed, and whatever is asked about it is done no more. */
  | {
    readonly kind: "failed";
    readonly file: number;
    readonly message: string;
    /** POSIX's name of the error, or null. */
    readonly code: string | null;
  };

interface Open {
  readonly handle: Deno.FsFile;
  readonly hash: Hash;
}

const open = new Map<number, Open>();

self.onmessage = ({ data: request }: MessageEvent<WriterRequest>) => {
  try {
    carryOut(request);
  } catch (error) {
    close(request.file);
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof Error && "code" in error ? String(error.code) : null;
    answer({ kind: "failed", file: request.file, message, code });
  }
};

function carryOut(request: WriterRequest): void {
  const { kind, file } = request;
  if (kind === "open") {
    const handle = Deno.openSync(request.path, { append: true });
    open.set(file, { handle, hash: createHash("sha256") });
    return answer({ kind: "opened", file, identity: identityOf(handle.statSync()) });
  }
  const found = open.get(file);
  // It has failed, and that was told.
  if (!found) return;
  switch (kind) {
    case "write": {
      const { bytes } = request;
      found.hash.update(bytes);
      for (let rest = bytes; rest.length > 0;) {
        const wroteBytes = found.handle.writeSync(rest);
        if (wroteBytes === 0) throw new Error("the file takes no more bytes");
        rest = rest.subarray(wroteBytes);
      }
      return answer({ kind: "written", file, buffer: bytes.buffer }, [bytes.buffer]);
    }
    case "end":
      close(file);
      return answer({ kind: "ended", file, sha256: found.hash.digest("hex") });
    default:
      return kind satisfies never;
  }
}

function answer(message: WriterAnswer, handedOver: Transferable[] = []): void {
  self.postMessage(message, handedOver);
}

function close(file: number): void {
  open.get(file)?.handle.close();
  open.delete(file);
}

function identityOf({ dev, ino }: Deno.FileInfo): string {
  return `${dev}:${ino}`;
}
