/**
 * A file system that makes small calls synchronously while they are fast. An asynchronous call
 * costs a switch to another thread and back, several times the duration of a small call on a local
 * disk; on a network file system, a synchronous call would block the whole process.
 */

import { existsSync } from "node:fs";
import type { Clock } from "../../core/host.ts";
import { type FileSystem, machineFileSystem, type OpenFile } from "./file_system.ts";

/** The longest call that counts as fast: it does not delay concurrent work noticeably. */
const FAST_MS = 4;
/** Slow calls after which all are asynchronous; fewer may be hiccups of the machine. */
const MAX_SLOW_CALLS = 3;
/** Larger writes are asynchronous: for them, the switch costs little. */
const MAX_SYNC_BYTES = 64 * 1024;

/** Makes the file system of one store. Calls are asynchronous until the first fast one. */
export function adaptiveFileSystem(clock: Clock): FileSystem {
  let speed: "unknown" | "fast" | "slow" = "unknown";
  let slowCalls = 0;

  const adaptive = <Args extends unknown[], T>(
    sync: (...args: Args) => T,
    async: (...args: Args) => Promise<T>,
  ) =>
  async (...args: Args): Promise<T> => {
    if (speed === "slow") return await async(...args);
    const startedMs = clock.monotonicMs();
    const isFast = () => clock.monotonicMs() - startedMs <= FAST_MS;
    if (speed === "unknown") {
      const result = await async(...args);
      if (speed === "unknown" && isFast()) speed = "fast";
      return result;
    }
    try {
      return sync(...args);
    } finally {
      if (!isFast() && ++slowCalls >= MAX_SLOW_CALLS) speed = "slow";
    }
  };

  const adaptiveFile = (file: Deno.FsFile): OpenFile => {
    const write = adaptive(
      (bytes: Uint8Array) => file.writeSync(bytes),
      (bytes: Uint8Array) => file.write(bytes),
    );
    return {
      read: (into) => file.read(into),
      write: (bytes) => bytes.length <= MAX_SYNC_BYTES ? write(bytes) : file.write(bytes),
      stat: adaptive(() => file.statSync(), () => file.stat()),
      sync: () => file.sync(),
      tryLock: (exclusive) => file.tryLock(exclusive),
      close: () => file.close(),
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  };

  const open = adaptive(Deno.openSync, Deno.open);
  return {
    ...machineFileSystem,
    // Rare calls, or ones for many folders at once.
    mkdir: (path, options) => Deno.mkdir(path, options),
    readDir: (path) => Deno.readDir(path),
    exists: adaptive(existsSync, machineFileSystem.exists),
    chmod: adaptive(Deno.chmodSync, Deno.chmod),
    link: adaptive(Deno.linkSync, Deno.link),
    lstat: adaptive(Deno.lstatSync, Deno.lstat),
    realPath: adaptive(Deno.realPathSync, Deno.realPath),
    remove: adaptive(Deno.removeSync, Deno.remove),
    rename: adaptive(Deno.renameSync, Deno.rename),
    open: async (path, options) => adaptiveFile(await open(path, options)),
  };
}
