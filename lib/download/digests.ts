/**
 * Digests of a sealed draft other than SHA-256, which every draft has.
 *
 * The bytes are read once more. Hashing them as they arrive would have to know the algorithms in
 * every driver, in the thread that writes, and when a suspended draft is resumed, for a case that
 * few tasks have; a file that was just written is read from memory by most systems.
 */

import { createHash } from "node:crypto";
import { DIGEST_ALGORITHMS, type DigestAlgorithm } from "../core/digest.ts";
import type { Draft, Sealed } from "../store/store.ts";
import type { SettledTask } from "./checksum_file.ts";

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
