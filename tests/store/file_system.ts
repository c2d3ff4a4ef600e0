/** File systems for tests: the machine's, with calls that fail, misreport or are recorded. */

import {
  type FileSystem,
  machineFileSystem as machine,
  type OpenFile,
} from "../../lib/store/folder/file_system.ts";

/** An error of the system as Deno throws it: `osError("EIO")`. */
export function osError(code: string): Error {
  return Object.assign(new Error(`an error ${code} (os error 0)`), { code });
}

/** A call that fails with an error of the system. */
export function failing(code: string): () => Promise<never> {
  return () => Promise.reject(osError(code));
}

/** The machine's file system with some calls replaced. */
export function replacing(calls: Partial<FileSystem>): FileSystem {
  const { chmod, exists, link, lstat, mkdir, open, readDir, realPath, remove, rename, utime } =
    machine;
  return {
    chmod,
    exists,
    link,
    lstat,
    mkdir,
    open,
    readDir,
    realPath,
    remove,
    rename,
    utime,
    ...calls,
  };
}

/** The machine's file system, with some calls of every draft's open file replaced. */
export function replacingInDrafts(replace: (file: OpenFile) => Partial<OpenFile>): FileSystem {
  return replacing({
    async open(path, options) {
      const file = await machine.open(path, options);
      return isDraft(path) ? { ...callsOf(file), ...replace(file) } : file;
    },
  });
}

/** A file system that records the name of every call, including those of open files. */
export function recording(): { readonly fileSystem: FileSystem; readonly calls: string[] } {
  const calls: string[] = [];
  const fileSystem = recorded(
    replacing({
      async open(path, options) {
        return recorded(callsOf(await machine.open(path, options)), calls);
      },
    }),
    calls,
  );
  return { fileSystem, calls };
}

/** Whether a path is that of a draft. */
export function isDraft(path: string | URL): boolean {
  return String(path).endsWith(".part");
}

function callsOf(file: OpenFile): OpenFile {
  return {
    read: (bytes) => file.read(bytes),
    write: (bytes) => file.write(bytes),
    stat: () => file.stat(),
    sync: () => file.sync(),
    tryLock: (exclusive) => file.tryLock(exclusive),
    close: () => file.close(),
    [Symbol.dispose]: () => file.close(),
  };
}

function recorded<T extends object>(target: T, calls: string[]): T {
  return new Proxy(target, {
    get(target, name) {
      const call: unknown = Reflect.get(target, name);
      if (typeof call !== "function") return call;
      return (...given: unknown[]) => {
        calls.push(name === Symbol.dispose ? "close" : String(name));
        return Reflect.apply(call, target, given);
      };
    },
  });
}
