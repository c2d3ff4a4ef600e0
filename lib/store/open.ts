/** Opens the store of a config. */

import type { Host } from "../core/host.ts";
import { DEFAULT_SETTINGS, type SettingsOf } from "../core/http.ts";
import type { BucketLocation, StoreLocation } from "../core/location.ts";
import { openFolder } from "./folder/folder.ts";
import { adaptiveFileSystem } from "./folder/adaptive_file_system.ts";
import type { Store } from "./store.ts";
import type { Writer } from "./folder/writer.ts";

/** Options of {@linkcode openStore}. */
export interface StoreOptions {
  /** Whether a folder syncs files to disk before they are published. */
  readonly sync: boolean;
  /** Finds how to connect to the server of a bucket. Default: the same for every server. */
  readonly settingsOf?: SettingsOf;
}

/**
 * Opens the store at a location. Nothing is created before the first draft.
 *
 * @throws {CronfetchError} `config.invalid`: the environment names no usable S3 server.
 *
 * @example
 * ```ts
 * import { openStore } from "./open.ts";
 * import { realHost } from "../host.ts";
 * import { assertEquals } from "@std/assert";
 *
 * await using store = await openStore({ kind: "memory" }, { sync: false }, realHost());
 * await using draft = await store.draft("hello.txt");
 * await draft.write(new TextEncoder().encode("hello"));
 * await draft.seal();
 * await draft.publish();
 * assertEquals((await store.stat("hello.txt"))?.sizeBytes, 5);
 * ```
 */
export async function openStore(
  location: StoreLocation,
  { sync, settingsOf = () => DEFAULT_SETTINGS }: StoreOptions,
  host: Host,
): Promise<Store> {
  switch (location.kind) {
    case "folder": {
      const { random, clock } = host;
      return await openFolder(
        location.path,
        { sync, random, startWriter },
        adaptiveFileSystem(clock),
      );
    }
    case "s3":
      return await openBucketAt(location, settingsOf, host);
    case "memory":
      return (await import("./memory.ts")).openMemory();
    default:
      return location satisfies never;
  }
}

/** The thread's module is loaded only for a large file. */
async function startWriter(): Promise<Writer | null> {
  return await (await import("./folder/writer.ts")).startWriter();
}

/** Its modules are loaded only for such a store. */
async function openBucketAt(
  bucket: BucketLocation,
  settingsOf: SettingsOf,
  host: Host,
): Promise<Store> {
  const { openS3 } = await import("./s3/driver.ts");
  return await openS3(bucket, settingsOf, host);
}
