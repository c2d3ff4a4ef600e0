/** Expected digests that stand in a checksum file on a server. */

import { CronfetchError } from "../core/errors.ts";
import {
  type ChecksumSource,
  DIGEST_ALGORITHMS,
  type DigestAlgorithm,
  type Expectations,
  type Task,
} from "../core/task.ts";
import type { Draft, Sealed } from "../store/store.ts";
import type { AttemptContext } from "./attempt.ts";
import { parseChecksums } from "../content/checksum.ts";
import { fromBodyError } from "../http/network_error.ts";
import { sendRequest } from "./request.ts";
import { statusOptions } from "./retry.ts";
import { createHash } from "node:crypto";

/** The largest checksum file that is read. */
const MAX_BYTES = 1024 * 1024;

/** A task whose expected digests are known, if there are any. */
export type SettledTask = Omit<Task, "expect"> & {
  readonly expect:
    & Omit<Expectations, DigestAlgorithm>
    & Readonly<Record<DigestAlgorithm, string | null>>;
};

/** Checksum files by URL, read once a run however many tasks stand in them. */
export type ChecksumFiles = Map<string, Promise<string>>;

/**
 * Puts digests in the place of the checksum files that a task names.
 *
 * @throws {CronfetchError} `expect.digest` where the file has no line for the
 * name, and what a download throws where the file cannot be had.
 */
export async function settleChecksum(
  task: Task,
  files: ChecksumFiles,
  context: AttemptContext,
): Promise<SettledTask> {
  if (isSettled(task)) return task;
  const settled: Partial<Record<DigestAlgorithm, string>> = {};
  for (const algorithm of DIGEST_ALGORITHMS) {
    const source = task.expect[algorithm];
    if (typeof source !== "object" || source === null) continue;
    let file = files.get(source.url);
    if (!file) {
      file = read(source, task, context);
      files.set(source.url, file);
      // After a failure the next task that needs the file requests it again.
      file.catch(() => files.delete(source.url));
    }
    const names = source.name === null ? namesOf(task) : [source.name];
    settled[algorithm] = parseChecksums(await file, names, algorithm).digest;
  }
  const done = { ...task, expect: { ...task.expect, ...settled } };
  if (!isSettled(done)) throw new TypeError("a checksum file was not read");
  return done;
}

/** Whether a task expects a digest that is not computed for every file. */
export function expectsOtherDigest({ expect: { sha512, sha1, md5 } }: SettledTask): boolean {
  return sha512 !== null || sha1 !== null || md5 !== null;
}

/** Whether a sealed draft has the digests that its task expects; false if it expects none. */
export async function agrees(
  draft: Draft,
  sealed: Sealed,
  task: SettledTask,
  signal: AbortSignal,
): Promise<boolean> {
  // It is needed only after a broken body.
  return await hasExpectedDigests(draft, sealed, task, signal);
}

function isSettled(task: Task | SettledTask): task is SettledTask {
  const { sha256, sha512, sha1, md5 } = task.expect;
  return typeof sha256 !== "object" || sha256 === null
    ? [sha512, sha1, md5].every((digest) => digest === null || typeof digest === "string")
    : false;
}

/** What the publisher may call the file: the last segment of its URL, or what the config says. */
function namesOf({ url, key }: Task): string[] {
  const segment = new URL(url).pathname.split("/").at(-1) ?? "";
  let name = segment;
  try {
    name = decodeURIComponent(segment);
  } catch {
    // Not percent-encoded text: the segment is the name.
  }
  return [name, key.slice(key.lastIndexOf("/") + 1)].filter((text) => text !== "");
}

async function read(
  { url }: ChecksumSource,
  task: Task,
  context: AttemptContext,
): Promise<string> {
  const { watcher, transport, admit } = context;
  using watch = watcher.watch(task.timeouts);
  const sameOrigin = new URL(url).origin === new URL(task.url).origin;
  const response = await sendRequest({
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
      statusOptions(response.status, response.headers, context.host.clock.now().epochMilliseconds),
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
      watch.progress();
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

/**
 * Computes digests in one pass, in the order of the algorithms.
 *
 * @throws {CronfetchError} any `store.` code. The signal's reason once it is aborted.
 */
export async function digestsOf(
  draft: Pick<Draft, "pieces">,
  algorithms: readonly DigestAlgorithm[],
  signal: AbortSignal,
): Promise<string[]> {
  const hashes = algorithms.map((algorithm) => createHash(algorithm));
  for await (const bytes of draft.pieces()) {
    signal.throwIfAborted();
    for (const hash of hashes) hash.update(bytes);
  }
  return hashes.map((hash) => hash.digest("hex"));
}

/** Whether a draft has every digest that its task expects, and the task expects one. */
export async function hasExpectedDigests(
  draft: Pick<Draft, "pieces">,
  { sha256 }: Sealed,
  { expect }: Pick<SettledTask, "expect">,
  signal: AbortSignal,
): Promise<boolean> {
  const expected = DIGEST_ALGORITHMS.filter((algorithm) => expect[algorithm] !== null);
  if (expected.length === 0 || (expect.sha256 !== null && expect.sha256 !== sha256)) return false;
  const others = expected.filter((algorithm) => algorithm !== "sha256");
  if (others.length === 0) return true;
  const found = await digestsOf(draft, others, signal);
  return others.every((algorithm, index) => expect[algorithm] === found[index]);
}
