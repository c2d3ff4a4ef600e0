/**
 * A file system that makes small calls synchronously while they are fast. An asynchronous call
 * costs a switch to another thread and back, several times the duration of a small call on a local
 * disk; on a network file system, a synchronous call would block the whole process.
 */

import { deferredModule } from "../../core/deferred_module.ts";
import type { Clock } from "../../core/host.ts";
import { type FileSystem, machineFileSystem, type OpenFile } from "./file_system.ts";

/** The longest call that counts as fast: it does not delay concurrent work noticeably. */
const FAST_MS = 4;
/**
 * The share of time that slow calls may block. Single slow calls are hiccups of a busy machine,
 * where asynchronous calls would be slower still.
 */
const MAX_BLOCKED_SHARE = 0.1;
/** Milliseconds beyond that share after which calls are asynchronous. */
const MAX_BLOCKED_MS = 100;
/** Larger writes are asynchronous: for them, the switch costs little. */
const MAX_SYNC_BYTES = 64 * 1024;

/** Calls of `exists` that are left to Deno, which makes an error for each missing file. */
const DENO_EXISTS = 16;

const nodeFs = deferredModule(DENO_EXISTS, () => import("node:fs"));

function existsSync(path: string): boolean {
  const fs = nodeFs();
  if (fs) return fs.existsSync(path);
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes the file system of one store. Calls are asynchronous until the first fast one, and again
 * after slow ones have blocked for too long: until they have blocked for no more than their share,
 * and an asynchronous call is fast.
 */
export function adaptiveFileSystem(clock: Clock): FileSystem {
  let isSync = false;
  /** Milliseconds blocked by slow calls beyond their share, at `countedMs`. */
  let blockedMs = 0;
  let countedMs = 0;

  /** Counts a synchronous call, unless it was fast. */
  const count = (startedMs: number) => {
    const nowMs = clock.monotonicMs();
    const slowMs = nowMs - startedMs - FAST_MS;
    if (slowMs <= 0) return;
    const share = (nowMs - countedMs) * MAX_BLOCKED_SHARE;
    blockedMs = Math.max(0, blockedMs - share) + slowMs;
    countedMs = nowMs;
    if (blockedMs > MAX_BLOCKED_MS) isSync = false;
  };

  const measured = async <T>(call: () => Promise<T>): Promise<T> => {
    const startedMs = clock.monotonicMs();
    const result = await call();
    const nowMs = clock.monotonicMs();
    const isPaid = blockedMs <= (nowMs - countedMs) * MAX_BLOCKED_SHARE;
    if (isPaid && nowMs - startedMs <= FAST_MS) isSync = true;
    return result;
  };

  const adaptive = <Args extends unknown[], T>(
    callSync: (...args: Args) => T,
    callAsync: (...args: Args) => Promise<T>,
  ) =>
  (...args: Args): Promise<T> => {
    if (!isSync) return measured(() => callAsync(...args));
    const startedMs = clock.monotonicMs();
    try {
      return Promise.resolve(callSync(...args));
    } catch (error) {
      return Promise.reject(error);
    } finally {
      count(startedMs);
    }
  };

  const stat = adaptive(
    (file: Deno.FsFile) => file.statSync(),
    (file: Deno.FsFile) => file.stat(),
  );
  const write = adaptive(
    (file: Deno.FsFile, bytes: Uint8Array) => file.writeSync(bytes),
    (file: Deno.FsFile, bytes: Uint8Array) => file.write(bytes),
  );

  const adaptiveFile = (file: Deno.FsFile): OpenFile => ({
    read: (into) => file.read(into),
    write: (bytes) => bytes.length <= MAX_SYNC_BYTES ? write(file, bytes) : file.write(bytes),
    stat: () => stat(file),
    sync: () => file.sync(),
    tryLock: (exclusive) => file.tryLock(exclusive),
    close: () => file.close(),
    [Symbol.dispose]: () => file[Symbol.dispose](),
  });

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
    open: adaptive(
      (path: string, options: Deno.OpenOptions) => adaptiveFile(Deno.openSync(path, options)),
      async (path: string, options: Deno.OpenOptions) =>
        adaptiveFile(await Deno.open(path, options)),
    ),
  };
}
