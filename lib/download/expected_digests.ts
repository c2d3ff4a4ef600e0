/** The digests that a task expects, including those in a checksum file on a server. */

import {
  type ChecksumSource,
  DIGEST_ALGORITHMS,
  type DigestAlgorithm,
  type Expectations,
  type ExpectedDigests,
  type Task,
} from "../core/task.ts";
import { CronfetchError } from "../core/errors.ts";
import { fromBodyError } from "../http/network_error.ts";
import type { Draft, Sealed } from "../store/store.ts";
import { type AgeFacts, NO_CONDITIONS } from "./conditional.ts";
import { type HttpContext, NOTHING_DROPPED, sendRequest } from "./request.ts";
import { statusOptions } from "./retry.ts";

/** Size limit of a checksum file. */
const MAX_BYTES = 1024 * 1024;

/** Texts of checksum files by URL: each is requested once per run, for all tasks that name it. */
export type ChecksumFiles = Map<string, Promise<string>>;

/**
 * Resolves the digests that a task expects, reading the checksum files that it names.
 *
 * @throws {CronfetchError} `expect.digest` if a checksum file has no entry for the task's file;
 * the codes of {@linkcode sendRequest}, `http.status` and `body.` codes if it cannot be read.
 */
export async function expectedDigests(
  task: Task,
  files: ChecksumFiles,
  http: HttpContext,
): Promise<ExpectedDigests> {
  const { expect } = task;
  const digests: Record<DigestAlgorithm, string | null> = {
    sha256: null,
    sha512: null,
    sha1: null,
    md5: null,
  };
  for (const algorithm of DIGEST_ALGORITHMS) {
    const source = expect[algorithm];
    if (source === null || typeof source === "string") {
      digests[algorithm] = source;
      continue;
    }
    let file = files.get(source.url);
    if (!file) {
      file = readChecksumFile(source, task, http);
      files.set(source.url, file);
      // The next task that names the file requests it again after a failure.
      file.catch(() => files.delete(source.url));
    }
    const names = source.name === null ? namesOf(task) : [source.name];
    // Loaded on demand: few tasks name a checksum file.
    const { parseChecksums } = await import("../content/checksum.ts");
    digests[algorithm] = parseChecksums(await file, names, algorithm);
  }
  return digests;
}

/** The digests that a task expects, unless a checksum file has to be read for them. */
export function knownDigests({ expect }: Task): ExpectedDigests | null {
  return areKnown(expect) ? expect : null;
}

function areKnown(expect: Expectations): expect is Expectations & ExpectedDigests {
  return isKnown(expect.sha256) && isKnown(expect.sha512) && isKnown(expect.sha1) &&
    isKnown(expect.md5);
}

function isKnown(digest: Expectations[DigestAlgorithm]): digest is string | null {
  return digest === null || typeof digest === "string";
}

/** Names under which a checksum file may list the task's file: those in its URL and its key. */
function namesOf({ url, key }: Task): string[] {
  const segment = new URL(url).pathname.split("/").at(-1) ?? "";
  let name = segment;
  try {
    name = decodeURIComponent(segment);
  } catch {
    // Not percent-encoded: the segment is the name.
  }
  return [name, key.slice(key.lastIndexOf("/") + 1)].filter((text) => text !== "");
}

async function readChecksumFile(
  { url }: ChecksumSource,
  task: Task,
  http: HttpContext,
): Promise<string> {
  using watch = http.watcher.watch(task.timeouts);
  const isSameOrigin = new URL(url).origin === new URL(task.url).origin;
  const { publicHeaders } = task;
  const headers = isSameOrigin ? task.headers : publicHeaders;
  let servedFrom = url;
  let droppedHeaders = NOTHING_DROPPED;
  const response = await sendRequest({
    ...{ url, headers, publicHeaders, conditions: NO_CONDITIONS, watch },
    onResponse: (_, hopUrl, names) => {
      servedFrom = hopUrl;
      droppedHeaders = names;
    },
  }, http);
  if (response.status !== 200) {
    const nowMs = http.host.clock.now().epochMilliseconds;
    const error = new CronfetchError(
      "http.status",
      `the checksum file: the server answered ${response.status}`,
      statusOptions(response.status, response.headers, nowMs),
    );
    const { explainStatus } = await import("./status_reason.ts");
    const answered = { requested: url, servedFrom, droppedHeaders };
    throw await explainStatus(error, response, answered, http.host);
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

/** What the age of a response is judged by. */
export function ageFacts(
  { published, older }: Pick<AgeFacts, "published" | "older">,
  digests: ExpectedDigests,
): AgeFacts {
  // The published file's other digests are unknown, so the digest of the new one decides.
  const known = expectsOtherDigest(digests) ? null : published;
  return { published: known, older, expectedSha256: digests.sha256 };
}

/** Whether a digest is expected that is not computed while receiving. */
function expectsOtherDigest({ sha512, sha1, md5 }: ExpectedDigests): boolean {
  return sha512 !== null || sha1 !== null || md5 !== null;
}

/**
 * Computes digests in one pass over a draft, in the order of `algorithms`.
 *
 * @throws {CronfetchError} `store.` codes. The signal's reason once it is aborted.
 */
export async function digestsOf(
  draft: Pick<Draft, "pieces">,
  algorithms: readonly DigestAlgorithm[],
  signal: AbortSignal,
): Promise<string[]> {
  // Loaded here, since it takes 15 ms and few tasks have other digests.
  const { createHash } = await import("node:crypto");
  const hashes = algorithms.map((algorithm) => createHash(algorithm));
  for await (const bytes of draft.pieces()) {
    signal.throwIfAborted();
    for (const hash of hashes) hash.update(bytes);
  }
  return hashes.map((hash) => hash.digest("hex"));
}

/** Whether a sealed draft has every expected digest, and at least one is expected. */
export async function hasExpectedDigests(
  draft: Pick<Draft, "pieces">,
  { sha256 }: Sealed,
  digests: ExpectedDigests,
  signal: AbortSignal,
): Promise<boolean> {
  const expected = DIGEST_ALGORITHMS.filter((algorithm) => digests[algorithm] !== null);
  if (expected.length === 0) return false;
  if (digests.sha256 !== null && digests.sha256 !== sha256) return false;
  const others = expected.filter((algorithm) => algorithm !== "sha256");
  if (others.length === 0) return true;
  const found = await digestsOf(draft, others, signal);
  return others.every((algorithm, index) => digests[algorithm] === found[index]);
}
