/** Expected digests that stand in a checksum file on a server. */

import { CronfetchError } from "../core/errors.ts";
import type { ChecksumSource, Expectations, Task } from "../core/task.ts";
import type { AttemptContext } from "./attempt.ts";
import { parseChecksums } from "./checksum.ts";
import { fromBodyError } from "./network_error.ts";
import { request } from "./request.ts";
import { isTemporaryStatus } from "./retry.ts";

/** The largest checksum file that is read. */
const MAX_BYTES = 1024 * 1024;

/** A task whose expected digest is known, if there is one. */
export type SettledTask = Omit<Task, "expect"> & {
  readonly expect: Omit<Expectations, "sha256"> & { readonly sha256: string | null };
};

/** Checksum files by URL, read once a run however many tasks stand in them. */
export type ChecksumFiles = Map<string, Promise<string>>;

/**
 * Puts the digest in the place of the checksum file that a task names.
 *
 * @throws {CronfetchError} `expect.digest` where the file has no line for the
 * name, and what a download throws where the file cannot be had.
 */
export async function settleChecksum(
  task: Task,
  files: ChecksumFiles,
  context: AttemptContext,
): Promise<SettledTask> {
  const { expect } = task;
  const { sha256 } = expect;
  if (sha256 === null || typeof sha256 === "string") {
    return { ...task, expect: { ...expect, sha256 } };
  }
  let file = files.get(sha256.url);
  if (!file) {
    file = read(sha256, task, context);
    files.set(sha256.url, file);
    // What failed is asked for again by the next who needs it.
    file.catch(() => files.delete(sha256.url));
  }
  const { digest } = parseChecksums(await file, sha256.name);
  return { ...task, expect: { ...expect, sha256: digest } };
}

async function read(
  { url }: ChecksumSource,
  task: Task,
  context: AttemptContext,
): Promise<string> {
  const { watcher, transport, admit } = context;
  using watch = watcher.watch(task.timeouts);
  const sameOrigin = new URL(url).origin === new URL(task.url).origin;
  const response = await request({
    url,
    headers: sameOrigin ? task.headers : {},
    conditions: {},
    watch,
    transport,
    admit,
    cookies: context,
    clock: context.host.clock,
  });
  if (response.status !== 200) {
    await response.body.cancel();
    throw new CronfetchError(
      "http.status",
      `the server answered ${response.status} when asked for the checksum file`,
      {
        httpStatus: response.status,
        retry: isTemporaryStatus(response.status) ? "later" : "never",
      },
    );
  }
  let text = "";
  let bytes = 0;
  let buffer = new ArrayBuffer(64 * 1024);
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const piece = await response.body.read(new Uint8Array(buffer));
      if (piece.byteLength === 0) break;
      watch.received();
      bytes += piece.byteLength;
      if (bytes > MAX_BYTES) {
        throw new CronfetchError("body.too-large", "the checksum file is larger than 1 MiB");
      }
      text += decoder.decode(piece, { stream: true });
      buffer = piece.buffer;
    }
  } catch (error) {
    await response.body.cancel();
    throw fromBodyError(error, watch.signal);
  }
  return text + decoder.decode();
}
