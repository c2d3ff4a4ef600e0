/** Conditional requests, and the age of a response (RFC 9110, section 13). */

import type { CronfetchError } from "../core/errors.ts";
import { parseHttpDate } from "../core/time.ts";
import type { HeaderFields } from "../core/http.ts";
import type { Validators } from "../core/result.ts";
import type { OlderRepresentation } from "../state/state.ts";
import type { StoredFile } from "../store/store.ts";

/** Length limit of an entity tag, in characters. */
const MAX_TAG_LENGTH = 1_000;

/** Use of an entity tag. */
export type TagUse =
  /** If-None-Match and If-Range: quoted and strong. */
  | "strong"
  /** If-None-Match only: weak, or malformed. */
  | "compare"
  /** Nothing. */
  | "none";

/**
 * Decides what the value of an ETag field may be used for (RFC 9110, section 8.8.3).
 *
 * Many servers send a tag without quotes and compare If-None-Match as text, so such a tag is sent
 * back unchanged. If-Range is strict: a server that misreads it would send the rest of another
 * version. A tag is unusable if it is
 * - empty, quoted or not: it would be equal for every version;
 * - `*`, alone or in a list: as If-None-Match it matches every version;
 * - longer than 1,000 characters, or not Latin-1 text without control characters: it cannot be
 * sent,
 *   or the server refuses the size of the request head.
 */
export function tagUse(etag: string): TagUse {
  if (etag.length > MAX_TAG_LENGTH || !/^[\x20-\x7e\x80-\xff]+$/.test(etag)) return "none";
  if (/^(?:W\/)?""$/.test(etag)) return "none";
  if (/^"[^"]*"$/.test(etag)) return "strong";
  if (/^W\/"[^"]*"$/.test(etag)) return "compare";
  return etag.split(",").some((member) => member.trim() === "*") ? "none" : "compare";
}

/**
 * The conditions of a request: If-None-Match if there is an ETag, otherwise If-Modified-Since.
 * Never both, since a server ignores the second one then.
 *
 * @param validators Of the published bytes; an older version may have recorded unusable ones.
 * @returns Header names and values; {@linkcode NO_CONDITIONS} without a usable validator.
 */
export function conditionalHeaders(
  { etag, lastModified }: Pick<Validators, "etag" | "lastModified">,
): Readonly<Record<string, string>> {
  if (etag !== null && tagUse(etag) !== "none") return { "if-none-match": etag };
  // Whether a text is a date does not depend on the clock.
  if (lastModified !== null && parseHttpDate(lastModified, 0) !== null) {
    return { "if-modified-since": lastModified };
  }
  return NO_CONDITIONS;
}

/** The conditions of an unconditional request. */
export const NO_CONDITIONS: Readonly<Record<string, string>> = Object.freeze({});

/**
 * The usable validators of a response.
 *
 * @param nowMs Wall clock, milliseconds since the epoch. A Last-Modified after the Date of the
 * response, or after `nowMs` without one, is ignored, and so is one that is not an HTTP-date.
 */
export function responseValidators(
  headers: HeaderFields,
  nowMs: number,
): Pick<Validators, "etag" | "lastModified"> {
  const etag = headers.get("etag");
  const lastModified = headers.get("last-modified");
  const modifiedMs = parseHttpDate(lastModified ?? "", nowMs);
  const servedMs = parseHttpDate(headers.get("date") ?? "", nowMs);
  return {
    etag: etag !== null && tagUse(etag) !== "none" ? etag : null,
    lastModified: modifiedMs !== null && modifiedMs <= (servedMs ?? nowMs) ? lastModified : null,
  };
}

/**
 * The validators of the published file after a 304: those of the response, which may be new, except
 * for an earlier Last-Modified, which an edge server with an older file may have sent.
 */
export function refreshedValidators(
  published: Pick<Validators, "etag" | "lastModified">,
  headers: HeaderFields,
  nowMs: number,
): Pick<Validators, "etag" | "lastModified"> {
  if (repeats(headers, "etag", published.etag)) {
    if (repeats(headers, "last-modified", published.lastModified)) return published;
  }
  const { etag, lastModified } = responseValidators(headers, nowMs);
  const beforeMs = parseHttpDate(published.lastModified ?? "", nowMs);
  const afterMs = parseHttpDate(lastModified ?? "", nowMs);
  const isLater = afterMs !== null && (beforeMs === null || afterMs > beforeMs);
  return {
    etag: etag ?? published.etag,
    lastModified: isLater ? lastModified : published.lastModified,
  };
}

/** Whether a field is absent or unchanged, as in nearly every 304. */
function repeats(headers: HeaderFields, name: string, before: string | null): boolean {
  const value = headers.get(name);
  return value === null || value === before;
}

/**
 * Decides whether an error response may be caused by the condition, so that the request is repeated
 * once without it. Some servers answer 412 to If-None-Match on a GET, which RFC 9110 reserves for
 * other methods; firewalls answer 400 or 403 to tags that they consider malicious, and some gateways
 * 401 to a header that a signature does not cover.
 *
 * These are all permanent 4xx, and 501. 408, 425, 429 and a response with Retry-After are not
 * permanent: the server requests a pause.
 */
export function isConditionRefused(
  { code, httpStatus, retry }: Pick<CronfetchError, "code" | "httpStatus" | "retry">,
): boolean {
  if (code !== "http.status" || retry !== "never") return false;
  if (httpStatus === null) return false;
  return httpStatus === 501 || (httpStatus >= 400 && httpStatus < 500);
}

/** Consecutive runs that must receive an older representation before it is published. */
const ROLLBACK_RUNS = 3;
/** Minimum time from the first of these runs to the last. */
const ROLLBACK_MS = 24 * 60 * 60 * 1000;

/** What the age of a response is judged by. */
export interface AgeFacts {
  /** Validators of the published file; null if unknown, or if the task ignores validators. */
  readonly published: Validators | null;
  /** The older representation that earlier runs have recorded, or null. */
  readonly older: OlderRepresentation | null;
  /** The expected digest, or null. */
  readonly expectedSha256: string | null;
}

/** Result of {@linkcode decideAge}. */
export type AgeDecision =
  /** Not known to be older than the published file: publish it. */
  | { readonly kind: "current" }
  /** Older: keep the published file, and record this. */
  | { readonly kind: "older"; readonly older: OlderRepresentation }
  /** Older, but served consistently: publish it. */
  | { readonly kind: "rollback" };

/**
 * Decides whether a representation is older than the published file. A content delivery network may
 * have edge servers with an outdated version; without this rule the file would change with every
 * edge that responds.
 *
 * A representation is older if its Last-Modified is before that of the published file. It is
 * published nevertheless once 3 consecutive runs have received it over at least 24 hours: then it
 * is a rollback. Any other successful response in between, 304 included, resets the count, and so
 * does an older representation with another date.
 *
 * The response is current if
 * - a Last-Modified is missing, not an HTTP-date, or the epoch, which means unknown;
 * - that of the published file is in the future: a clock was wrong;
 * - the ETag is that of the published file;
 * - the task expects a digest that the published file does not have: the digest decides.
 *
 * @param received Headers of a 200 or 206.
 * @param clockMs Reads the wall clock, milliseconds since the epoch; called for dates only.
 */
export function decideAge(
  received: HeaderFields,
  { published, older, expectedSha256 }: AgeFacts,
  clockMs: () => number,
): AgeDecision {
  const lastModified = received.get("last-modified");
  if (published === null || published.lastModified === null || lastModified === null) {
    return CURRENT;
  }
  const nowMs = clockMs();
  const publishedMs = parseHttpDate(published.lastModified, nowMs);
  const receivedMs = parseHttpDate(lastModified, nowMs);
  if (publishedMs === null || publishedMs > nowMs) return CURRENT;
  if (receivedMs === null || receivedMs <= 0 || receivedMs >= publishedMs) return CURRENT;
  if (published.etag !== null && published.etag === received.get("etag")) return CURRENT;
  if (expectedSha256 !== null && expectedSha256 !== (published.received ?? published).sha256) {
    return CURRENT;
  }
  const first: OlderRepresentation = {
    lastModified,
    runs: 1,
    since: new Date(nowMs).toISOString(),
  };
  if (older === null || parseHttpDate(older.lastModified, nowMs) !== receivedMs) {
    return { kind: "older", older: first };
  }
  const lastedMs = nowMs - Temporal.Instant.from(older.since).epochMilliseconds;
  // It was recorded while the clock was ahead.
  if (lastedMs < 0) return { kind: "older", older: first };
  const runs = older.runs + 1;
  if (runs >= ROLLBACK_RUNS && lastedMs >= ROLLBACK_MS) return { kind: "rollback" };
  return { kind: "older", older: { ...older, runs } };
}

const CURRENT: AgeDecision = { kind: "current" };

/** Whether the stored file is the published one, as far as known without reading it. */
export type Match =
  | "same"
  | "other"
  /** Only its digest can decide. */
  | "unclear";

/**
 * Compares the stored file with the recorded validators.
 *
 * @param source The URL to be requested, redacted.
 */
export function compareToStored(
  validators: Validators,
  stored: StoredFile,
  { key, source }: { readonly key: string; readonly source: string },
): Match {
  if (validators.key !== key || validators.source !== source) return "other";
  if (validators.sizeBytes !== stored.sizeBytes) return "other";
  if (validators.revision === stored.revision) return "same";
  if (stored.sha256 === null) return "unclear";
  return stored.sha256 === validators.sha256 ? "same" : "other";
}

/**
 * The modification time for a file: the Last-Modified of its response (RFC 9110, section 8.8.2).
 *
 * @param nowMs Wall clock, milliseconds since the epoch.
 * @returns Milliseconds since the epoch; null for a date that is missing, malformed, in the future,
 * or the epoch, which means unknown.
 */
export function modifiedTime(headers: HeaderFields, nowMs: number): number | null {
  const modifiedMs = parseHttpDate(headers.get("last-modified") ?? "", nowMs);
  return modifiedMs === null || modifiedMs <= 0 || modifiedMs > nowMs ? null : modifiedMs;
}
