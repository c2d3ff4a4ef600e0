/**
 * The file system of this machine, without the detour that asynchronous calls
 * take: each costs a hop to another thread and back, several times what a small
 * call itself takes on a disk nearby. As long as calls are quick they are made
 * on the spot; where they are not, as over a network, nothing may wait for them.
 */

import { existsSync } from "node:fs";
import type { Clock } from "../../core/host.ts";
import { type FileSystem, machineFileSystem, type OpenFile } from "./file_system.ts";

/** A call that takes longer would be felt by whatever else goes on. */
const QUICK_MS = 4;
/** Slow calls after which the detour is taken for good; one may be the machine's own hiccup. */
const SLOW_CALLS = 3;
/** A larger piece is worth a hop. */
const SMALL_BYTES = 64 * 1024;

/**
 * Makes the calls of one store. The first ones go the long way, until one of
 * them shows that this is a quick place.
 */
export function adaptiveFileSystem(clock: Clock): FileSystem {
  let place: "unknown" | "quick" | "slow" = "unknown";
  let slowCalls = 0;

  /** Makes a call on the spot while that is quick, else the long way. */
  const either = <Args extends unknown[], T>(
    onTheSpot: (...args: Args) => T,
    theLongWay: (...args: Args) => Promise<T>,
  ) =>
  async (...args: Args): Promise<T> => {
    if (place === "slow") return await theLongWay(...args);
    const startedMs = clock.monotonicMs();
    const isQuick = () => clock.monotonicMs() - startedMs <= QUICK_MS;
    if (place === "unknown") {
      const result = await theLongWay(...args);
      if (place === "unknown" && isQuick()) place = "quick";
      return result;
    }
    try {
      return onTheSpot(...args);
    } finally {
      if (!isQuick() && ++slowCalls >= SLOW_CALLS) place = "slow";
    }
  };

  const withQuickCalls = (file: Deno.FsFile): OpenFile => {
    const write = either(
      (bytes: Uint8Array) => file.writeSync(bytes),
      (bytes: Uint8Array) => file.write(bytes),
    );
    return {
      read: (into) => file.read(into),
      write: (bytes) => bytes.length <= SMALL_BYTES ? write(bytes) : file.write(bytes),
      stat: either(() => file.statSync(), () => file.stat()),
      sync: () => file.sync(),
      tryLock: (exclusive) => file.tryLock(exclusive),
      close: () => file.close(),
      [Symbol.dispose]: () => file[Symbol.dispose](),
    };
  };

  const open = either(Deno.openSync, Deno.open);
  return {
    ...machineFileSystem,
    // Not often enough to be worth it, and at times of many folders at once.
    mkdir: (path, options) => Deno.mkdir(path, options),
    readDir: (path) => Deno.readDir(path),
    exists: either(existsSync, machineFileSystem.exists),
    chmod: either(Deno.chmodSync, Deno.chmod),
    link: either(Deno.linkSync, Deno.link),
    lstat: either(Deno.lstatSync, Deno.lstat),
    realPath: either(Deno.realPathSync, Deno.realPath),
    remove: either(Deno.removeSync, Deno.remove),
    rename: either(Deno.renameSync, Deno.rename),
    open: async (path, options) => withQuickCalls(await open(path, options)),
  };
}
