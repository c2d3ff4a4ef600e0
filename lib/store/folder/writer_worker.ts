/**
 * The program of the writer thread: hashes and writes large files, so that the main thread can read
 * from the network at the same time.
 */

import { createHash, type Hash } from "node:crypto";
import { errorMessage } from "../../core/text.ts";

/** A message to the thread; `file` identifies the file. */
export type WriterRequest =
  /** Open an existing file for appending. */
  | { readonly kind: "open"; readonly file: number; readonly path: string }
  /** Append bytes, whose buffer is transferred. */
  | { readonly kind: "write"; readonly file: number; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Close the file. */
  | { readonly kind: "end"; readonly file: number };

/** A message from the thread; those about one file are in the order of the requests. */
export type WriterAnswer =
  /** Device and inode number of the opened file. */
  | { readonly kind: "opened"; readonly file: number; readonly identity: string }
  /** The bytes are written; the buffer is transferred back. */
  | { readonly kind: "written"; readonly file: number; readonly buffer: ArrayBuffer }
  /** SHA-256 of all bytes written, lower-case hexadecimal. */
  | { readonly kind: "ended"; readonly file: number; readonly sha256: string }
  /** The file is closed; further requests for it are ignored. */
  | {
    readonly kind: "failed";
    readonly file: number;
    readonly message: string;
    /** POSIX name of the error, or null. */
    readonly code: string | null;
  };

/** The scope of a worker; JSR accepts no directive that refers to its types. */
declare const self: {
  onmessage: (event: MessageEvent<WriterRequest>) => void;
  postMessage(message: WriterAnswer, transfer: Transferable[]): void;
};

interface WriterFile {
  readonly file: Deno.FsFile;
  readonly hash: Hash;
}

const open = new Map<number, WriterFile>();

self.onmessage = ({ data: request }) => {
  try {
    handle(request);
  } catch (error) {
    close(request.file);
    const message = errorMessage(error);
    const code = error instanceof Error && "code" in error ? String(error.code) : null;
    answer({ kind: "failed", file: request.file, message, code });
  }
};

function handle(request: WriterRequest): void {
  const { kind, file } = request;
  if (kind === "open") {
    const opened = Deno.openSync(request.path, { append: true });
    open.set(file, { file: opened, hash: createHash("sha256") });
    return answer({ kind: "opened", file, identity: identityOf(opened.statSync()) });
  }
  const found = open.get(file);
  // It has failed, which was reported.
  if (!found) return;
  switch (kind) {
    case "write": {
      const { bytes } = request;
      found.hash.update(bytes);
      for (let rest = bytes; rest.length > 0;) {
        const writtenBytes = found.file.writeSync(rest);
        if (writtenBytes === 0) throw new Error("the file accepts no more bytes");
        rest = rest.subarray(writtenBytes);
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

function answer(message: WriterAnswer, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

function close(file: number): void {
  open.get(file)?.file.close();
  open.delete(file);
}

function identityOf({ dev, ino }: Deno.FileInfo): string {
  return `${dev}:${ino}`;
}
