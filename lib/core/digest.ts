/** Algorithms of digests that a task can expect. */

/** An algorithm of digests. MD5 and SHA-1 find transfer errors, and no attacks. */
export type DigestAlgorithm = "sha256" | "sha512" | "sha1" | "md5";

/** Each algorithm, by its name in node:crypto, with the length of its digests in hexadecimal. */
export const DIGEST_DIGITS: Readonly<Record<DigestAlgorithm, number>> = {
  sha256: 64,
  sha512: 128,
  sha1: 40,
  md5: 32,
};

/** All of them. */
export const DIGEST_ALGORITHMS = Object.keys(DIGEST_DIGITS) as readonly DigestAlgorithm[];
