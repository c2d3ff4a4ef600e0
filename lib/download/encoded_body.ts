/** Copies the body of a response into a draft, without its content codings. */

import type { ContentCoding } from "../content/coding.ts";
import { decodedBody } from "../content/decode.ts";
import type { HttpBody } from "../core/http.ts";
import type { Draft } from "../store/store.ts";
import { transfer, type TransferOptions } from "./transfer.ts";

/**
 * Decodes a body, and writes it to a draft; otherwise like {@linkcode transfer}. The announced length,
 * the time limits, the rate limit and the counted bytes are those of the encoded body; the largest size
 * is that of the file.
 *
 * @param codings The codings to remove, the outermost first.
 * @returns Number of decoded bytes.
 * @throws {CronfetchError} `content.coding`, and the codes of {@linkcode transfer}. What the draft
 * holds then cannot be resumed.
 */
export async function transferEncoded(
  encoded: HttpBody,
  codings: readonly ContentCoding[],
  draft: Draft,
  options: TransferOptions,
): Promise<number> {
  const { lengthBytes, meter, signal } = options;
  const received = async (bytes: number) => {
    meter?.watch.progress();
    meter?.received(bytes);
    if (!meter?.throttle) return;
    meter.watch.pause();
    await meter.throttle(bytes, signal);
    meter.watch.progress();
  };
  const body = decodedBody(encoded, { codings, lengthBytes, received });
  return await transfer(body, draft, {
    ...options,
    lengthBytes: null,
    meter: meter && { watch: meter.watch, throttle: null, received: () => {} },
  });
}
