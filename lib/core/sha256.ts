/** SHA-256 of bytes that arrive in pieces, and of values. */

import type { Hash } from "node:crypto";
import { deferredModule } from "./deferred_module.ts";

type NodeCrypto = Pick<typeof import("node:crypto"), "createHash">;

/** Digests of small files that are left to Web Crypto, which is slower per file. */
const WEB_DIGESTS = 16;
/** Bytes that are kept for Web Crypto, which takes all at once. */
const MAX_KEPT_BYTES = 256 * 1024;

const nodeCrypto = deferredModule(WEB_DIGESTS, () => import("node:crypto"));

/** A digest under way. Calls must not overlap. */
export class Sha256 {
  /** Null while all bytes are kept. */
  #hash: Hash | null;
  #kept: Uint8Array<ArrayBuffer>[] = [];
  #keptBytes = 0;

  /** @param node Returns the module, or null while Web Crypto is to be used. */
  constructor(node: () => NodeCrypto | null = nodeCrypto) {
    this.#hash = node()?.createHash("sha256") ?? null;
  }

  /**
   * Adds bytes, which are not referenced afterwards.
   *
   * @returns Null once they are added; a promise if that needs a module to be loaded first.
   */
  update(bytes: Uint8Array<ArrayBuffer>): Promise<void> | null {
    if (this.#hash) {
      this.#hash.update(bytes);
      return null;
    }
    this.#kept.push(bytes.slice());
    this.#keptBytes += bytes.length;
    return this.#keptBytes > MAX_KEPT_BYTES ? this.#toHash() : null;
  }

  /**
   * Returns the digest of all bytes, lower-case hexadecimal. The last call.
   *
   * @returns A promise only if Web Crypto computes it.
   */
  hex(): string | Promise<string> {
    return this.#hash?.digest("hex") ?? this.#webHex();
  }

  async #webHex(): Promise<string> {
    const bytes = await new Blob(this.#kept).arrayBuffer();
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  }

  async #toHash(): Promise<void> {
    const hash = (await import("node:crypto")).createHash("sha256");
    for (const piece of this.#kept) hash.update(piece);
    this.#kept = [];
    this.#hash = hash;
  }
}

/**
 * Identifies a value in a state, without showing it.
 *
 * @param value Is the same if its JSON is.
 * @returns The first 16 hexadecimal digits of its SHA-256.
 */
export async function shortDigest(value: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
}
