/** From the config's `store` to a store. */

import { isAbsolute } from "@std/path";
import { parseBucket } from "../core/bucket.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { openFolder } from "./folder/folder.ts";
import { openMemory } from "./memory.ts";
import { adaptiveFileSystem } from "./folder/adaptive_file_system.ts";
import { endpointOf } from "./s3/settings.ts";
import type { Store } from "./store.ts";
import { startWriter } from "./folder/writer.ts";

/** How a store treats its files. */
export interface StoreOptions {
  /** Whether a folder waits until the disk holds what was written. */
  readonly sync: boolean;
}

/**
 * Opens the store that a location names. Nothing is made before the first draft.
 *
 * @param location An absolute path of a folder, `s3://bucket/prefix`, or `memory:`.
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
  host: Host,
): Promise<Store> {
  return Promise.try(() => {
    if (isAbsolute(location)) {
      const { random, clock } = host;
      return openFolder(
        location,
        { sync: options.sync, random, startWriter },
        adaptiveFileSystem(clock),
      );
    }
    if (location === "memory:") return openMemory();
    if (location.startsWith("s3:")) return openBucketAt(location, host);
    throw unknownLocation(location);
  });
}

/** Only such a store costs the time to load what speaks to it. */
async function openBucketAt(location: string, host: Host): Promise<Store> {
  const bucket = parseBucket(location);
  if ("complaint" in bucket) {
    throw new CronfetchError("config.invalid", `opening the store: it ${bucket.complaint}`);
  }
  const server = endpointOf(bucket, host);
  if (server !== null && !/^https?:$/.test(URL.parse(server)?.protocol ?? "")) {
    const message =
      "opening the store: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL is no URL of a server";
    throw new CronfetchError("config.invalid", message);
  }
  const { openS3 } = await import("./s3/driver.ts");
  return await openS3(bucket, host);
}

function unknownLocation(location: string): CronfetchError {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(location)?.[0];
  const given = scheme === undefined ? "a relative path" : JSON.stringify(scheme);
  return new CronfetchError(
    "config.invalid",
    `opening the store: an absolute path, "s3:" or "memory:" is needed, not ${given}`,
  );
}
