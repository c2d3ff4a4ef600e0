/** Places for the files of tests that are prefixes in buckets of a real server. See `place.ts`. */

import { temporaryFolder } from "./folder.ts";
import type { Place } from "./place.ts";
import {
  abortUpload,
  clientOf,
  deleteObject,
  getObject,
  head,
  keys,
  objects,
  pendingUploads,
  putObject,
} from "./s3_objects.ts";
import { type S3Kind, type SharedS3, sharedS3 } from "./s3_server.ts";

/** The server of the file that asks, and the places that it has. */
export interface Buckets extends Pick<SharedS3, "name" | "ignore"> {
  /** Makes a bucket, and gives a prefix in it. */
  place(): Promise<Place>;
}

/** What all keys of a place begin with. A store that forgets it is found out. */
const PREFIX = "the/prefix/";

/** Asks for a server. It runs while the tests of the file do. */
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
      const { s3 } = stack.use(clientOf({ env }));
      const { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "" } = env;
      const query = new URLSearchParams({ endpoint, region: env.AWS_REGION ?? "" });
      const owned = stack.move();
      return {
        ...prefixIn(bucket, { env, s3 }),
        location: `s3://${bucket}/${PREFIX}?${query}`,
        env: { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY },
        beside: around.file,
        [Symbol.asyncDispose]: () => owned.disposeAsync(),
      };
    },
  };
}

/**
 * Under such a name versitygw puts the content of an object in the place of older content; a list
 * of just then shows it.
 */
const OF_THE_SERVER = /\.sgwtmp\.\d+$/;

/** The prefix of a bucket, seen by a stranger. */
function prefixIn(
  bucket: string,
  server: Required<Parameters<typeof clientOf>[0]>,
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
        Metadata: { ...known?.metadata },
      });
    },
    async mark(key) {
      // The time is that of the server, to the second; what the store notes there itself is finer.
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
