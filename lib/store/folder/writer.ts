/** A thread that hashes and writes large files: this side of `writer_worker.ts`. */

import { type OpenFile, replacedError } from "./file_system.ts";
import type { WriterAnswer, WriterRequest } from "./writer_worker.ts";

/** A file that the thread writes. Calls must not overlap. */
export interface WriterFile {
  /**
   * Appends bytes, whose buffer is transferred to the thread. Waits only while {@linkcode BUFFERS}
   * buffers are queued there.
   *
   * @returns A free buffer of the same size, perhaps another one.
   * @throws An error of the system in an earlier call.
   */
  append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
  /**
   * Waits until all bytes are written, and closes the file in the thread.
   *
   * @returns SHA-256 of all bytes, lower-case hexadecimal.
   * @throws An error of the system.
   */
  end(): Promise<string>;
}

/** The thread. Disposing of it terminates it and fails its open files. */
export interface Writer extends Disposable {
  /**
   * Opens a file in the thread.
   *
   * @param path Path of an empty file.
   * @param file The same file, open in this thread.
   * @throws {DriverError} `store.conflict`: the path is now another file.
   */
  open(path: string, file: OpenFile): Promise<WriterFile>;
}

/** Buffers of one file that may be queued in the thread. */
const BUFFERS = 3;

/** The program of the thread; not a file URL if cronfetch was imported from a server. */
const PROGRAM = new URL("./writer_worker.ts", import.meta.url);

/** Starts the thread; null if workers are unavailable or Deno may not read its program. */
export async function startWriter(): Promise<Writer | null> {
  if (typeof Worker !== "function" || PROGRAM.protocol !== "file:") return null;
  const { state } = await Deno.permissions.query({ name: "read", path: PROGRAM });
  return state === "granted" ? new Thread() : null;
}

class Thread implements Writer {
  readonly #worker = new Worker(PROGRAM, { type: "module" });
  readonly #files = new Map<number, ThreadFile>();
  #opened = 0;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<WriterAnswer>) => {
      this.#files.get(data.file)?.receive(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failAll(`the writer thread failed: ${event.message}`);
    };
  }

  async open(path: string, file: OpenFile): Promise<WriterFile> {
    const id = this.#opened++;
    const post = (request: WriterRequest, transfer: Transferable[]) =>
      this.#worker.postMessage(request, transfer);
    const opened = new ThreadFile(id, post, () => this.#files.delete(id));
    this.#files.set(id, opened);
    await opened.open(path, file);
    return opened;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    this.#failAll("the writer thread was terminated");
  }

  #failAll(message: string): void {
    for (const [id, file] of this.#files) {
      file.receive({ kind: "failed", file: id, message, code: null });
    }
  }
}

class ThreadFile implements WriterFile {
  readonly #id: number;
  readonly #post: (request: WriterRequest, transfer: Transferable[]) => void;
  readonly #onEnd: () => void;
  readonly #free: ArrayBuffer[] = [];
  /** Buffers queued in the thread. */
  #queued = 0;
  #identity: string | null = null;
  #sha256: string | null = null;
  #failure: Error | null = null;
  #change = Promise.withResolvers<void>();

  constructor(
    id: number,
    post: (request: WriterRequest, transfer: Transferable[]) => void,
    onEnd: () => void,
  ) {
    this.#id = id;
    this.#post = post;
    this.#onEnd = onEnd;
  }

  receive(answer: WriterAnswer): void {
    switch (answer.kind) {
      case "opened":
        this.#identity = answer.identity;
        break;
      case "written":
        this.#queued--;
        this.#free.push(answer.buffer);
        break;
      case "ended":
        this.#sha256 = answer.sha256;
        this.#onEnd();
        break;
      case "failed":
        this.#failure = Object.assign(
          new Error(answer.message),
          answer.code === null ? {} : { code: answer.code },
        );
        this.#onEnd();
        break;
      default:
        answer satisfies never;
    }
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  async open(path: string, file: OpenFile): Promise<void> {
    this.#post({ kind: "open", file: this.#id, path }, []);
    const { dev, ino } = await file.stat();
    if (await this.#waitFor(() => this.#identity) === `${dev}:${ino}`) return;
    await this.end();
    throw replacedError(path);
  }

  async append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
    if (this.#failure) throw this.#failure;
    const sizeBytes = bytes.buffer.byteLength;
    this.#queued++;
    this.#post({ kind: "write", file: this.#id, bytes }, [bytes.buffer]);
    await this.#waitFor(() => this.#free.length > 0 || this.#queued < BUFFERS || null);
    const free = this.#free.pop();
    return free?.byteLength === sizeBytes ? free : new ArrayBuffer(sizeBytes);
  }

  async end(): Promise<string> {
    if (this.#failure === null) this.#post({ kind: "end", file: this.#id }, []);
    return await this.#waitFor(() => this.#sha256);
  }

  /** Waits until `get` returns something, or the file fails. */
  async #waitFor<T>(get: () => T | null): Promise<T> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const found = get();
      if (found !== null) return found;
      await this.#change.promise;
    }
  }
}
