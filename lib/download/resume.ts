/** Resumes a partial file, and decides whether a body may be fetched in ranges (RFC 9110, 14). */

import { DIGEST_ALGORITHMS, type Task } from "../core/task.ts";
import { CronfetchError } from "../core/errors.ts";
import { parseHttpDate } from "../core/time.ts";
import type { HeaderFields } from "../core/http.ts";
import type { PartRecord } from "../state/state.ts";
import type { Draft, StatCache, Store } from "../store/store.ts";
import { tagUse } from "./conditional.ts";

/** A partial file, and what proves that the rest belongs to it. */
export interface Part {
  /** Bytes received, from the start of the file. */
  readonly sizeBytes: number;
  /** Announced size of the whole file, or null. */
  readonly totalBytes: number | null;
  /**
   * Strong validator of the response: an ETag or a Last-Modified. Empty without one: then only a
   * digest of the whole file proves that the rest is of the same version.
   */
  readonly validator: string;
}

/** A partial file in a draft, which the next attempt can resume. */
export interface PartialFile extends Part {
  readonly draft: Draft;
  readonly key: string;
}

/**
 * Whether a partial file can be resumed: it is the response to a GET, and a strong validator (unless the task ignores validators) or
 * an expected digest must prove that the rest is of the same version.
 */
export function canResume(
  validator: string,
  task: Pick<Task, "conditional" | "expect" | "request">,
): boolean {
  if (task.request !== null) return false;
  return (validator !== "" && task.conditional) ||
    DIGEST_ALGORITHMS.some((algorithm) => task.expect[algorithm] !== null);
}

/**
 * The validator for If-Range: a strong ETag, or else a Last-Modified at least a second older than
 * the Date of the response, which makes it strong (RFC 9110, section 8.8.2.2).
 *
 * @param nowMs Reads the wall clock, milliseconds since the epoch; called for dates only.
 * @returns The value of the header; null if the body cannot be resumed.
 */
export function strongValidator(headers: HeaderFields, nowMs: () => number): string | null {
  const etag = headers.get("etag");
  // A weak or malformed ETag means that the file may change without a change of its date.
  if (etag !== null) return tagUse(etag) === "strong" ? etag : null;
  const lastModified = headers.get("last-modified");
  if (lastModified === null) return null;
  const clockMs = nowMs();
  const modifiedMs = parseHttpDate(lastModified, clockMs);
  const servedMs = parseHttpDate(headers.get("date") ?? "", clockMs);
  if (modifiedMs === null || servedMs === null) return null;
  return servedMs - modifiedMs >= 1000 ? lastModified : null;
}

/** Whether a request for the rest failed with a response that the server would repeat. */
export function isPermanentResponse(error: unknown): boolean {
  return error instanceof CronfetchError && error.retry === "never" &&
    error.code.startsWith("http.");
}

/** Whether the bytes received before an error are a valid prefix of the file. */
export function leavesPartial(error: unknown): boolean {
  return error instanceof CronfetchError &&
    (error.code === "body.truncated" || error.code === "cancelled" ||
      // Of a segment: the first response had a valid head.
      error.code === "http.status" || error.code.startsWith("timeout."));
}

/** The headers that request the rest of a partial file, on condition that it is unchanged. */
export function rangeHeaders({ sizeBytes, validator }: Part): Record<string, string> {
  const range = `bytes=${sizeBytes}-`;
  return validator === "" ? { range } : { range, "if-range": validator };
}

/**
 * Checks whether the body of a 206 is the rest of a partial file.
 *
 * @returns The length of the rest in bytes; null in case of any doubt: start over.
 */
export function remainingBytes(part: Part, headers: HeaderFields): number | null {
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get("content-range") ?? "");
  // Missing in multipart/byteranges, which has one in each part of the body.
  if (!range) return null;
  const [start, end, total] = range.slice(1).map(Number) as [number, number, number];
  if (start !== part.sizeBytes || end < start || end !== total - 1) return null;
  if (part.totalBytes !== null && part.totalBytes !== total) return null;
  return isSameFile(part.validator, headers) ? total - start : null;
}

/** Whether the headers of a 206 are consistent with a strong validator of the file. */
export function isSameFile(validator: string, headers: HeaderFields): boolean {
  const etag = headers.get("etag");
  return etag === null || !validator.startsWith('"') || etag === validator;
}

/** Size of the whole file in a 416 (`Content-Range: bytes` * `/N`), or null. */
export function unsatisfiedTotal(headers: HeaderFields): number | null {
  const total = /^bytes \*\/(\d+)$/.exec(headers.get("content-range") ?? "");
  return total ? Number(total[1]) : null;
}

/** A shorter body is as fast over one connection. */
export const MIN_SEGMENTED_BYTES: number = 4 * 1024 * 1024;

/** The server does not serve ranges as requested: request the rest in one response. */
export class RangesRefused extends CronfetchError {
  /** @param reason What the server did. */
  constructor(reason: string) {
    super("body.truncated", `the server does not serve ranges as requested: ${reason}`);
  }
}

/** The head of a response. */
export interface ResponseStart {
  readonly status: number;
  readonly headers: HeaderFields;
  /** Length of the body, or null. */
  readonly lengthBytes: number | null;
  /** Strong validator of the file, or empty. */
  readonly validator: string;
}

/**
 * Whether a body may be fetched in ranges over several connections: it is large, the server
 * supports ranges (it announces them, RFC 9110, section 14.3, or has just sent one), and a strong
 * validator can prove that all ranges are of the same version (section 13.1.5).
 */
export function mayUseRanges({ status, headers, lengthBytes, validator }: ResponseStart): boolean {
  return lengthBytes !== null && lengthBytes >= MIN_SEGMENTED_BYTES && validator !== "" &&
    (status === 206 || acceptsRanges(headers));
}

function acceptsRanges(headers: HeaderFields): boolean {
  const units = headers.get("accept-ranges")?.split(",") ?? [];
  return units.some((unit) => unit.trim().toLowerCase() === "bytes");
}

/** A smaller partial file costs more to keep than to fetch again. */
const MIN_PART_BYTES = 64 * 1024;

/** Options of {@linkcode Parts}. */
export interface PartsOptions {
  readonly store: Store;
  readonly statCache: StatCache;
  readonly signal: AbortSignal;
  readonly task: Pick<Task, "key" | "conditional" | "expect" | "request">;
  /** The partial file that an earlier run has recorded, or null. */
  readonly recorded: PartRecord | null;
  /** Whether the state outlives this process. */
  readonly durable: boolean;
}

/**
 * The partial file of a task, within a run and from one run to the next. One is kept; sources are
 * identified by redacted URL.
 */
export class Parts {
  readonly #options: PartsOptions;
  #recorded: PartRecord | null;
  #kept: PartRecord | null = null;

  /** Opens nothing yet. */
  constructor(options: PartsOptions) {
    this.#options = options;
    this.#recorded = options.recorded;
  }

  /** Whether there is none, recorded or kept: `resume` and `finish` return null. */
  get isEmpty(): boolean {
    return this.#recorded === null && this.#kept === null;
  }

  /**
   * Opens the partial file of an earlier run if it came from this source; else null.
   *
   * @throws {CronfetchError} `store.` codes. The partial file is then kept.
   */
  async resume(source: string): Promise<PartialFile | null> {
    const { store, statCache, signal, task } = this.#options;
    const { key } = task;
    const part = this.#recorded;
    if (part?.source !== source || part.key !== key) return null;
    if (!canResume(part.validator, task)) return null;
    this.#recorded = null;
    const { sizeBytes, totalBytes, validator } = part;
    const settings = { statCache, expectedBytes: totalBytes };
    const resumed = await store.resume(key, part.draft, signal, settings).catch((error) => {
      // The draft may still exist, and a later run may open it.
      this.#kept ??= part;
      throw error;
    });
    if (!resumed) return null;
    const { draft } = resumed;
    if (draft.sizeBytes !== sizeBytes) {
      await draft.discard();
      return null;
    }
    return { draft, key, sizeBytes, totalBytes, validator };
  }

  /** Suspends a partial file for the next run, or discards it if it is too small. */
  async keep(partial: PartialFile, source: string): Promise<void> {
    const { draft, sizeBytes, totalBytes, validator } = partial;
    const isKept = this.#options.durable && !this.#kept && sizeBytes >= MIN_PART_BYTES;
    if (!isKept) return await draft.discard();
    try {
      const name = await draft.suspend();
      this.#kept = { key: partial.key, source, validator, sizeBytes, totalBytes, draft: name };
    } catch {
      await draft.discard();
    }
  }

  /**
   * Drops the partial files that are not needed any more.
   *
   * @param isGood Whether the task's file is complete.
   * @returns What the next run can resume; null if the file is complete.
   */
  async finish(isGood: boolean): Promise<PartRecord | null> {
    // Its source was not requested, or the task has another URL or key now.
    await this.#drop(this.#recorded);
    this.#recorded = null;
    if (isGood) {
      await this.#drop(this.#kept);
      this.#kept = null;
    }
    return this.#kept;
  }

  async #drop(part: PartRecord | null): Promise<void> {
    // A draft that cannot be removed is invisible, and swept later.
    if (part) await this.#options.store.drop(part.key, part.draft).catch(() => {});
  }
}
