/** Places in buckets of a real S3 server. See `place.ts`. */

import { temporaryFolder } from "./folder.ts";
import type { Place } from "./folder_place.ts";
import {
  abortUpload,
  deleteObject,
  getObject,
  head,
  keys,
  objects,
  pendingUploads,
  putObject,
  type S3Place,
} from "./s3_objects.ts";
import { type S3Kind, type SharedS3, sharedS3 } from "./s3_server.ts";

/** The server of a test file. */
export interface Buckets extends Pick<SharedS3, "name" | "ignore"> {
  /** Creates a bucket with a prefix. */
  place(): Promise<Place>;
}

/** Prefix of all keys of a place, so that a store that omits it fails. */
const PREFIX = "the/prefix/";

/** Requests a server that runs during the tests of the file. */
export function buckets(kind: S3Kind): Buckets {
  const { name, ignore, server } = sharedS3(kind);
  return {
    name,
    ignore,
    async place() {
      const { endpoint, env, makeBucket } = server();
      const bucket = await makeBucket();
      await using stack = new AsyncDisposableStack();
      const around = stack.use(await temporaryFolder());
      const { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "" } = env;
      const query = new URLSearchParams({ endpoint, region: env.AWS_REGION ?? "" });
      const owned = stack.move();
      return {
        ...prefixIn(bucket, { env }),
        location: `s3://${bucket}/${PREFIX}?${query}`,
        env: { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY },
        beside: around.file,
        [Symbol.asyncDispose]: () => owned.disposeAsync(),
      };
    },
  };
}

/**
 * Temporary name of versitygw while it replaces an object; a concurrent list may contain it.
 */
const OF_THE_SERVER = /\.sgwtmp\.\d+$/;

/** The prefix of a bucket, as another client sees it. */
function prefixIn(
  bucket: string,
  server: S3Place,
): Omit<Place, "location" | "env" | "beside" | typeof Symbol.asyncDispose> {
  const shortened = (key: string) => key.startsWith(PREFIX) ? key.slice(PREFIX.length) : `/${key}`;

  const read: Place["read"] = async (key) => {
    try {
      return await getObject(server, bucket, PREFIX + key);
    } catch (error) {
      if (error instanceof Error && error.name === "NoSuchKey") return null;
      throw error;
    }
  };

  const uploads = async () =>
    (await pendingUploads(server, bucket)).map(({ key, uploadId }) =>
      `.cronfetch-upload/${shortened(key)}/${uploadId}`
    );

  return {
    read,
    async write(key, content) {
      await putObject(server, bucket, PREFIX + key, content);
    },
    sizeBytes: async (key) => (await head(server, bucket, PREFIX + key))?.sizeBytes ?? null,
    remove: (key) => deleteObject(server, bucket, PREFIX + key),
    async clear() {
      for (const key of await keys(server, bucket)) await deleteObject(server, bucket, key);
      for (const upload of await pendingUploads(server, bucket)) {
        await abortUpload(server, bucket, upload);
      }
    },
    async touch(key) {
      const known = await head(server, bucket, PREFIX + key);
      await putObject(server, bucket, PREFIX + key, await read(key) ?? "", {
        metadata: { ...known?.metadata },
      });
    },
    async mark(key) {
      // The server's time has seconds only; the metadata of the store is finer.
      const known = await head(server, bucket, PREFIX + key);
      const metadata = Object.entries(known?.metadata ?? {}).toSorted();
      return JSON.stringify([known?.etag, known?.lastModified, metadata]);
    },
    async names() {
      const all = (await keys(server, bucket)).filter((key) => !OF_THE_SERVER.test(key));
      return [...all.map(shortened), ...await uploads()];
    },
    async tree() {
      const shown = [
        ...Object.entries(await objects(server, bucket)).map((
          [key, text],
        ) => [shortened(key), text]),
        ...(await uploads()).map((name) => [name, ""]),
      ];
      return Object.fromEntries(shown.sort(([one = ""], [other = ""]) => one < other ? -1 : 1));
    },
  };
}
