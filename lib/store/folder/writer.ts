/** Files that are hashed and written by another thread; see `writer_worker.ts`. */

import { DriverError } from "../errors.ts";
import type { OpenFile } from "./file_system.ts";
import type { WriterAnswer, WriterRequest } from "./writer_worker.ts";

/** A file under way at the other thread. One call at a time. */
export interface WriterFile {
  /**
   * Appends bytes, and takes over the buffer behind them. Does not wait until they
   * are written, but for as long as the thread is {@linkcode BUFFERS} calls behind.
   *
   * @returns A buffer of the same size that is free again; perhaps another one.
   * @throws What the system said to an earlier call.
   */
  append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
  /**
   * Waits until everything is written, and closes the file there.
   *
   * @returns SHA-256 of all bytes, lower-case hexadecimal.
   * @throws What the system said.
   */
  end(): Promise<string>;
}

/** Another thread. Disposing of it ends it, whatever it is doing. */
export interface Writer extends Disposable {
  /**
   * Has a file written there.
   *
   * @param path Where it stands, empty.
   * @param file The same file, open here; what stands at the path must be that one.
   */
  open(path: string, file: OpenFile): Promise<WriterFile>;
}

/** Buffers of one file that may be at the other thread. */
const BUFFERS = 3;

/** Where the thread's program is; a file, unless this one was loaded from a server. */
const PROGRAM = new URL("./writer_worker.ts", import.meta.url);

/**
 * Starts a thread that writes.
 *
 * @returns Null where there are no threads, or its program may not be read.
 */
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
      this.#files.get(data.file)?.take(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#failAll(`the thread that writes has ended: ${event.message}`);
    };
  }

  async open(path: string, file: OpenFile): Promise<WriterFile> {
    const id = this.#opened++;
    const ask = (request: WriterRequest, handedOver: Transferable[]) =>
      this.#worker.postMessage(request, handedOver);
    const opened = new ThreadFile(id, ask, () => this.#files.delete(id));
    this.#files.set(id, opened);
    await opened.begin(path, file);
    return opened;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    this.#failAll("the thread that writes was ended");
  }

  #failAll(message: string): void {
    for (const [id, file] of this.#files) {
      file.take({ kind: "failed", file: id, message, code: null });
    }
  }
}

class ThreadFile implements WriterFile {
  readonly #id: number;
  readonly #ask: (request: WriterRequest, handedOver: Transferable[]) => void;
  readonly #over: () => void;
  readonly #free: ArrayBuffer[] = [];
  /** Buffers at the other thread. */
  #away = 0;
  #identity: string | null = null;
  #sha256: string | null = null;
  #failure: Error | null = null;
  #change = Promise.withResolvers<void>();

  constructor(
    id: number,
    ask: (request: WriterRequest, handedOver: Transferable[]) => void,
    over: () => void,
  ) {
    this.#id = id;
    this.#ask = ask;
    this.#over = over;
  }

  take(answer: WriterAnswer): void {
    switch (answer.kind) {
      case "opened":
        this.#identity = answer.identity;
        break;
      case "written":
        this.#away--;
        this.#free.push(answer.buffer);
        break;
      case "ended":
        this.#sha256 = answer.sha256;
        this.#over();
        break;
      case "failed":
        this.#failure = Object.assign(
          new Error(answer.message),
          answer.code === null ? {} : { code: answer.code },
        );
        this.#over();
        break;
      default:
        answer satisfies never;
    }
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  async begin(path: string, file: OpenFile): Promise<void> {
    this.#ask({ kind: "open", file: this.#id, path }, []);
    const { dev, ino } = await file.stat();
    if (await this.#once(() => this.#identity) === `${dev}:${ino}`) return;
    await this.end();
    throw new DriverError("store.conflict", `${path} was replaced by something else meanwhile`);
  }

  async append(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
    if (this.#failure) throw this.#failure;
    const sizeBytes = bytes.buffer.byteLength;
    this.#away++;
    this.#ask({ kind: "write", file: this.#id, bytes }, [bytes.buffer]);
    await this.#once(() => this.#free.length > 0 || this.#away < BUFFERS || null);
    const free = this.#free.pop();
    return free?.byteLength === sizeBytes ? free : new ArrayBuffer(sizeBytes);
  }

  async end(): Promise<string> {
    if (this.#failure === null) this.#ask({ kind: "end", file: this.#id }, []);
    return await this.#once(() => this.#sha256);
  }

  /** Waits until there is something to see. */
  async #once<T>(look: () => T | null): Promise<T> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const seen = look();
      if (seen !== null) return seen;
      await this.#change.promise;
    }
  }
}
