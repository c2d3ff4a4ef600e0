/** Reads an object, and continues after a break. */

import { backoffMs } from "../../core/time.ts";
import { DriverError } from "../errors.ts";
import type { ObjectBytes } from "./bucket.ts";
import { etagOf } from "./objects.ts";
import { isPermanent, type S3Response, type S3TransportContext } from "./transport.ts";

/** Breaks without a byte in between after which reading fails. */
const MAX_BREAKS = 4;
const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 4_000;

/** What reading an object uses. */
export interface ReadContext extends Pick<S3TransportContext, "timers" | "random"> {
  /** Requests the object or a range of it; null if it does not exist. */
  readonly request: (headers: Readonly<Record<string, string>>) => Promise<S3Response | null>;
  readonly signal: AbortSignal;
}

/**
 * Reads an object. If the connection breaks, the rest is requested, on the condition that the object
 * is the same (RFC 9110, sections 13.1.1 and 14.2).
 *
 * @returns Null if it does not exist.
 * @throws What the first request throws; the iteration also throws `store.conflict`.
 */
export async function readObject(context: ReadContext): Promise<ObjectBytes | null> {
  const first = await context.request({});
  return first === null ? null : piecesOf(first, context);
}

async function* piecesOf(first: S3Response, context: ReadContext): ObjectBytes {
  const etag = etagOf(first);
  const sizeBytes = Number(first.headers.get("content-length") ?? NaN);
  let response = first;
  let readBytes = 0;
  let breaks = 0;
  for (;;) {
    try {
      for await (const piece of response.pieces ?? []) {
        readBytes += piece.length;
        breaks = 0;
        yield piece;
      }
      return;
    } catch (error) {
      context.signal.throwIfAborted();
      if (readBytes === sizeBytes) return;
      if (etag === null || isPermanent(error) || ++breaks > MAX_BREAKS) throw error;
    }
    response = await requestRest(readBytes, breaks, etag, context);
  }
}

async function requestRest(
  firstByte: number,
  breaks: number,
  etag: string,
  { request, timers, random, signal }: ReadContext,
): Promise<S3Response> {
  const boundMs = backoffMs(breaks, FIRST_DELAY_MS, MAX_DELAY_MS);
  await timers.sleep(Math.round(random.fraction() * boundMs), signal);
  const response = await request({ "range": `bytes=${firstByte}-`, "if-match": etag });
  if (response === null) throw changed();
  const { status, headers } = response;
  const isRest = status === 206 && etagOf(response) === etag &&
    headers.get("content-range")?.startsWith(`bytes ${firstByte}-`) === true;
  if (isRest) return response;
  await response.pieces?.return(undefined);
  // A server may ignore both fields.
  if (etagOf(response) !== etag) throw changed();
  throw new DriverError("store.failed", "the connection broke, and the server sends no ranges");
}

function changed(): DriverError {
  return new DriverError("store.conflict", "another process has changed it while it was read");
}
