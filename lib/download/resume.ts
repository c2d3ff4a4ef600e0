/** Ranges: when a partial file may be resumed, and a large one fetched in several (RFC 9110, section 14). */

import { DIGEST_ALGORITHMS, type Task } from "../core/task.ts";
import { CronfetchError } from "../core/errors.ts";
import { parseHttpDate } from "../core/http_date.ts";
import type { HeaderFields } from "../core/http.ts";
import { tagUse } from "./conditional.ts";
import type { PartRecord } from "../state/state.ts";
import type { StatCache, Store } from "../store/store.ts";
import type { PartialFile } from "./attempt.ts";

/** A part that is held, and what proves that the rest belongs to it. */
export interface Part {
  /** Bytes held, from the beginning of the file. */
  readonly sizeBytes: number;
  /** Size of the whole file as announced, or null. */
  readonly totalBytes: number | null;
  /**
   * The strong validator of the response it came from: an ETag, or a Last-Modified. Empty if
   * there is none: then only a digest of the whole file proves that the rest belongs to it.
   */
  readonly validator: string;
}

/**
 * Whether a part of a task's file may be resumed: something must prove that the rest is of the
 * same version. That is a strong validator, unless the task ignores those, or an expected digest.
 */
export function canResume(validator: string, task: Pick<Task, "conditional" | "expect">): boolean {
  return (validator !== "" && task.conditional) ||
    DIGEST_ALGORITHMS.some((algorithm) => task.expect[algorithm] !== null);
}

/**
 * The validator that If-Range accepts: a strong ETag; else a Last-Modified at least a second
 * older than the response's Date, which makes it strong (RFC 9110, section 8.8.2.2).
 *
 * @param nowMs Reads the wall clock, milliseconds since the epoch; called for dates only.
 * @returns The header's value, or null: the body cannot be resumed.
 */
export function strongValidator(headers: HeaderFields, nowMs: () => number): string | null {
  const etag = headers.get("etag");
  // Any other tag shows that the server knows more than its dates do.
  if (etag !== null) return tagUse(etag) === "strong" ? etag : null;
  const lastModified = headers.get("last-modified");
  if (lastModified === null) return null;
  const clockMs = nowMs();
  const modifiedMs = parseHttpDate(lastModified, clockMs);
  const servedMs = parseHttpDate(headers.get("date") ?? "", clockMs);
  if (modifiedMs === null || servedMs === null) return null;
  return servedMs - modifiedMs >= 1000 ? lastModified : null;
}

/** Whether a request for the rest failed by an answer that the server would repeat. */
export function isPermanentResponse(error: unknown): boolean {
  return error instanceof CronfetchError && error.retry === "never" &&
    error.code.startsWith("http.");
}

/** Whether a body ended by an error that leaves a good beginning of the file. */
export function leavesPartial(error: unknown): boolean {
  return error instanceof CronfetchError &&
    (error.code === "body.truncated" || error.code === "cancelled" ||
      // Of a segment; the head of the first response has been judged before.
      error.code === "http.status" || error.code.startsWith("timeout."));
}

/** The headers that request the rest of a part, if the file is still the same. */
export function rangeHeaders({ sizeBytes, validator }: Part): Record<string, string> {
  const range = `bytes=${sizeBytes}-`;
  return validator === "" ? { range } : { range, "if-range": validator };
}

/**
 * Decides whether the body of a 206 continues a part. Anything but a clear yes
 * means to start again.
 *
 * @returns How many bytes are to come, or null to start again.
 */
export function remainingBytes(part: Part, headers: HeaderFields): number | null {
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get("content-range") ?? "");
  // Also how multipart/byteranges is told: its Content-Range stands in the body.
  if (!range) return null;
  const [start, end, total] = range.slice(1).map(Number) as [number, number, number];
  if (start !== part.sizeBytes || end < start || end !== total - 1) return null;
  if (part.totalBytes !== null && part.totalBytes !== total) return null;
  return isSameFile(part.validator, headers) ? total - start : null;
}

/** Whether the header of a 206 admits that it is about the file of a strong validator. */
export function isSameFile(validator: string, headers: HeaderFields): boolean {
  const etag = headers.get("etag");
  return etag === null || !validator.startsWith('"') || etag === validator;
}

/**
 * Size of the whole file in a 416 (`Content-Range: bytes` * `/N`), or null.
 */
export function unsatisfiedTotal(headers: HeaderFields): number | null {
  const total = /^bytes \*\/(\d+)$/.exec(headers.get("content-range") ?? "");
  return total ? Number(total[1]) : null;
}

/** A shorter rest is as fast over one connection. */
export const MIN_SEGMENTED_BYTES: number = 4 * 1024 * 1024;

/** The server does not serve ranges as requested: the rest has to be requested in one stream. */
export class RangesRefused extends CronfetchError {
  /** @param reason What the server did. */
  constructor(reason: string) {
    super("body.truncated", `the server does not serve ranges as requested: ${reason}`);
  }
}

/** A response whose head has been read. */
export interface ResponseStart {
  readonly status: number;
  readonly headers: HeaderFields;
  /** Length of its body, or null. */
  readonly lengthBytes: number | null;
  /** A strong validator of the file; empty if there is none. */
  readonly validator: string;
}

/**
 * Whether a body may be fetched in ranges over several connections: it is large, the server
 * supports ranges (it says so, RFC 9110, section 14.3, or has just sent one), and a strong
 * validator can prove that all of them are of the same file (section 13.1.5).
 */
export function mayUseRanges({ status, headers, lengthBytes, validator }: ResponseStart): boolean {
  return lengthBytes !== null && lengthBytes >= MIN_SEGMENTED_BYTES && validator !== "" &&
    (status === 206 || acceptsRanges(headers));
}

function acceptsRanges(headers: HeaderFields): boolean {
  const units = headers.get("accept-ranges")?.split(",") ?? [];
  return units.some((unit) => unit.trim().toLowerCase() === "bytes");
}

/** A smaller part is fetched again sooner than it is looked after. */
const MIN_PART_BYTES = 64 * 1024;

/** The part a task has, over the course of its sources. */
export interface Parts {
  /** What a source may continue; null where there is nothing for it. */
  resume(source: string): Promise<PartialFile | null>;
  /** Keeps what a source was left with, for the next run, if that is worth it; else discards it. */
  keep(held: PartialFile, source: string): Promise<void>;
  /** Ends the course. Returns what the next run may continue: nothing, once the file is good. */
  finish(isGood: boolean): Promise<PartRecord | null>;
}

/** What {@linkcode createParts} needs. */
export interface PartsOptions {
  readonly store: Store;
  /** Looks at the keys of the run's tasks. */
  readonly statCache: StatCache;
  readonly signal: AbortSignal;
  readonly task: Pick<Task, "key" | "conditional" | "expect">;
  /** What an earlier run has put aside. */
  readonly remembered: PartRecord | null;
  /** Whether there will be anybody to remember it. */
  readonly durable: boolean;
}

/** At most one part a task is kept: the newest. Sources are told apart by their redacted URLs. */
export function createParts(options: PartsOptions): Parts {
  const { store, statCache, signal, task, durable } = options;
  const { key } = task;
  let remembered = options.remembered;
  let aside: PartRecord | null = null;

  const drop = async (part: PartRecord | null) => {
    // What cannot be removed is invisible, and in nobody's way.
    if (part) await store.drop(part.key, part.draft).catch(() => {});
  };

  const takeUpDraft = async (part: PartRecord) => {
    const expectedBytes = part.totalBytes;
    try {
      return await store.resume(key, part.draft, signal, { statCache, expectedBytes });
    } catch (error) {
      // It may be there still, for a run that is not interrupted.
      aside ??= part;
      throw error;
    }
  };

  return {
    resume: async (source) => {
      const part = remembered;
      if (part?.source !== source || part.key !== key) return null;
      // It is dropped unread.
      if (!canResume(part.validator, task)) return null;
      remembered = null;
      const resumed = await takeUpDraft(part);
      if (!resumed) return null;
      const { draft, head } = resumed;
      const { sizeBytes, totalBytes, validator } = part;
      if (draft.sizeBytes !== sizeBytes) {
        await draft.discard();
        return null;
      }
      return { draft, key, head: { bytes: head }, sizeBytes, totalBytes, validator };
    },
    keep: async (held, source) => {
      const { draft, sizeBytes, totalBytes, validator } = held;
      if (!durable || aside || sizeBytes < MIN_PART_BYTES) return await draft.discard();
      try {
        const name = await draft.suspend();
        aside = { key: held.key, source, validator, sizeBytes, totalBytes, draft: name };
      } catch {
        await draft.discard();
      }
    },
    finish: async (isGood) => {
      // Not come to, or about a name or a place the task no longer has.
      await drop(remembered);
      remembered = null;
      if (isGood) {
        // What one place was left with, before another had the whole.
        await drop(aside);
        aside = null;
      }
      return aside;
    },
  };
}
