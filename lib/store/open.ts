/** From the config's `store` to a store. */

import { isAbsolute } from "@std/path";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { openFolder } from "./folder.ts";
import { openMemory } from "./memory.ts";
import { quickFileSystem } from "./quick_file_system.ts";
import type { Store } from "./store.ts";

/** How a store treats its files. */
export interface StoreOptions {
  /** Whether a folder waits until the disk holds what was written. */
  readonly sync: boolean;
}

/**
 * Opens the store that a location names. Nothing is made before the first draft.
 *
 * @param location An absolute path of a folder, or `memory:`.
 * @throws {CronfetchError} `config.invalid`: any other location. It is not
 * repeated in the message but for its scheme, as it may hold a secret.
 *
 * @example
 * ```ts
 * import { openStore } from "./open.ts";
 * import { realHost } from "../host.ts";
 * import { assertEquals } from "@std/assert";
 *
 * await using store = await openStore("memory:", { sync: false }, realHost());
 * await using draft = await store.draft("hello.txt");
 * await draft.write(new TextEncoder().encode("hello"));
 * await draft.seal();
 * await draft.publish();
 * assertEquals((await store.stat("hello.txt"))?.sizeBytes, 5);
 * ```
 */
export function openStore(
  location: string,
  options: StoreOptions,
  host: Pick<Host, "random" | "clock">,
): Promise<Store> {
  return Promise.try(() => {
    if (isAbsolute(location)) {
      const { random, clock } = host;
      return openFolder(location, { sync: options.sync, random }, quickFileSystem(clock));
    }
    if (location === "memory:") return openMemory();
    throw unknownLocation(location);
  });
}

function unknownLocation(location: string): CronfetchError {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(location)?.[0];
  if (scheme === "s3:") {
    const message = "opening the store: buckets are not supported in this version; use a folder";
    return new CronfetchError("config.invalid", message);
  }
  const given = scheme === undefined ? "a relative path" : JSON.stringify(scheme);
  return new CronfetchError(
    "config.invalid",
    `opening the store: an absolute path or "memory:" is needed, not ${given}`,
  );
}
