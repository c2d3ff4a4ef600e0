/** A response's body into a draft, with the help of more connections. */

import type { HttpBody } from "../core/http.ts";
import type { Draft } from "../store/store.ts";
import type { AttemptState } from "./attempt.ts";
import { requestSegment } from "./segment.ts";
import { segmented } from "./segments.ts";
import type { AttemptWatch } from "./timeouts.ts";
import { transfer, type TransferOptions } from "./transfer.ts";

/** What the first response continues, and what proves that ranges belong to it. */
export interface SegmentedPart {
  readonly draft: Draft;
  readonly sizeBytes: number;
  readonly validator: string;
}

/**
 * Like `transfer`, from a body of known length.
 *
 * @throws {CronfetchError} The codes of `transfer`; `http.status`, where the server was
 * too busy for the last connection; {@linkcode RangesRefused}.
 */
export async function transferSegmented(
  front: HttpBody,
  { draft, sizeBytes, validator }: SegmentedPart,
  options: TransferOptions & { readonly lengthBytes: number },
  { task, source, trace, context, watch, segments }: AttemptState,
): Promise<void> {
  const { transport, admit, borrow, progress } = context;
  const totalBytes = sizeBytes + options.lengthBytes;
  await using body = segmented({
    host: context.host,
    range: { startByte: sizeBytes, endByte: totalBytes },
    segments,
    front,
    watch,
    limits: task.timeouts,
    ask: (range, watch) =>
      requestSegment(range, { totalBytes, validator }, {
        url: source.url,
        headers: task.headers,
        watch,
        transport,
        admit,
        cookies: context,
        clock: context.host.clock,
      }),
    borrow,
    throttle: options.throttle,
    received: options.received,
    forgotten: (bytes) => {
      progress.receivedBytes -= bytes;
    },
    busy: (httpStatus, headers) => {
      trace.httpStatus = httpStatus;
      trace.headers = headers;
    },
  });
  // Bytes are counted, limited and waited for where they arrive.
  await transfer(body, draft, {
    ...options,
    watch: unwatched(watch),
    received: () => {},
    throttle: null,
  });
}

/** A watch that only ends. */
function unwatched({ signal }: AttemptWatch): AttemptWatch {
  const nothing = () => {};
  return {
    signal,
    startResponse: nothing,
    progress: nothing,
    pause: nothing,
    [Symbol.dispose]: nothing,
  };
}
