/** What an error response says: the reason in its body, and headers that it may be missing. */

import { isEncoded } from "../content/coding.ts";
import { isHtmlIn } from "../content/markup.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Timers } from "../core/host.ts";
import { type HttpBody, type HttpResponse, TOKEN } from "../core/http.ts";
import { cutServerText, quoteServerText } from "../core/text.ts";
import { withTimeout } from "../core/time.ts";

/** How a response was requested. */
export interface AnsweredRequest {
  /** The first URL of the chain of redirects. */
  readonly requested: string;
  /** The last one. */
  readonly servedFrom: string | null;
  /** Names of configured headers that the last request did not have. */
  readonly droppedHeaders: readonly string[];
}

/** Statuses that credentials may change; some servers answer 404 instead of 403. */
const DENIED: ReadonlySet<number> = new Set([401, 403, 404]);

/**
 * Adds details to the error of a response: the URL if a redirect led there, the first line of the
 * reason in the body, and headers that were dropped on the way. Reads the beginning of the body, and
 * cancels the rest. Never rejects.
 *
 * @param error Any error; only `http.status` has details.
 */
export async function explainStatus(
  error: unknown,
  response: HttpResponse,
  { requested, servedFrom, droppedHeaders: dropped }: AnsweredRequest,
  { timers }: { readonly timers: Timers },
): Promise<unknown> {
  if (!(error instanceof CronfetchError) || error.code !== "http.status") {
    await response.body.cancel();
    return error;
  }
  const text = isEncoded(response.headers) ? "" : await readStart(response.body, timers);
  await response.body.cancel();
  const reason = reasonIn(text);
  let { message } = error;
  if (servedFrom !== null && withoutQuery(servedFrom) !== withoutQuery(requested)) {
    message += ` at ${withoutQuery(servedFrom)}`;
  }
  const challenge = response.status === 401
    ? challengeIn(response.headers.get("www-authenticate") ?? "")
    : null;
  if (challenge !== null) message += ` (${challenge})`;
  if (reason !== null && !repeats(reason, error.message)) message += `: ${quoteServerText(reason)}`;
  if (dropped.length > 0 && DENIED.has(response.status)) {
    message += `; not sent to this origin: ${dropped.join(", ")}`;
  }
  const code = response.refusesCredentials ? "auth.failed" : error.code;
  return new CronfetchError(code, message, {
    retry: error.retry,
    ...(error.httpStatus !== null && { httpStatus: error.httpStatus }),
    ...(error.pauseMs !== null && { pauseMs: error.pauseMs }),
  });
}

const CHALLENGE = new RegExp(`^\\s*(${TOKEN})(?:\\s|,|$)`);
const REALM = /\brealm\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))/i;

/**
 * What the first challenge of WWW-Authenticate requests (RFC 9110, section 11.6.1): its scheme and
 * the first realm. Null without a scheme.
 */
export function challengeIn(value: string): string | null {
  const [, scheme] = CHALLENGE.exec(value) ?? [];
  if (scheme === undefined) return null;
  const [, quoted, bare] = REALM.exec(value) ?? [];
  const realm = quoted?.replace(/\\(.)/g, "$1") ?? bare ?? "";
  const requested = `the server requests ${cutServerText(scheme)}`;
  return realm === "" ? requested : `${requested} for ${quoteServerText(realm)}`;
}

/** A URL for a message. The query and userinfo may have credentials of the server's. */
function withoutQuery(text: string): string {
  const { origin, pathname } = new URL(text);
  return origin + pathname;
}

/** A reason is near the beginning; pages are larger. */
const MAX_BYTES = 8 * 1024;

/** Limit for the body, in milliseconds: the failure is known without it. */
const PATIENCE_MS = 2_000;

/** Reads the beginning of a body; what has arrived if it stalls or breaks off. */
async function readStart(body: HttpBody, timers: Timers): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const read = async (): Promise<void> => {
    let buffer = new ArrayBuffer(MAX_BYTES);
    for (let bytes = 0; bytes < MAX_BYTES;) {
      const piece = await body.read(new Uint8Array(buffer));
      if (piece.byteLength === 0) return;
      bytes += piece.byteLength;
      text += decoder.decode(piece, { stream: true });
      buffer = piece.buffer;
    }
  };
  try {
    await withTimeout(timers, PATIENCE_MS, read, () => new Error("the body stalled"));
  } catch {
    // The status is the error, whatever happens to its body.
  }
  return text;
}

/** Members of JSON objects with a reason, the most specific ones first. */
const MEMBERS = [
  "message",
  "error_description",
  "detail",
  "error",
  "title",
  "description",
  "reason",
  "msg",
]
  .map((name) => new RegExp(`"${name}"\\s*:\\s*"((?:[^"\\\\]|\\\\.)*)"`, "i"));

/** Elements of XML documents with a reason. */
const ELEMENTS = [
  "message",
  "ExceptionText",
  "ServiceException",
  "faultstring",
  "detail",
  "error",
  "title",
  "description",
  "reason",
]
  .map((name) => new RegExp(`<(?:[\\w-]+:)?${name}(?:\\s[^<>]*)?>([^<>]+)<`, "i"));

const TITLE = /<title(?:\s[^<>]*)?>([^<>]+)</i;

/**
 * The first line of the reason in an error body: a member of JSON, an element of XML, the title of
 * a page, or of a text its first line.
 *
 * @param text The body or its beginning.
 * @returns Null for a body without one, or one that is no text.
 */
export function reasonIn(text: string): string | null {
  const start = text.replace(/^\uFEFF/, "").trimStart();
  // A cut character at the end is no sign of other bytes.
  if (/[^\P{Cc}\s]|\uFFFD./su.test(start)) return null;
  if (/^[{[]/.test(start)) return firstLine(unescapeJson(firstMatch(start, MEMBERS)));
  if (!start.startsWith("<")) return firstLine(start);
  const patterns = isHtmlIn(start, "xml") ? [TITLE] : ELEMENTS;
  return firstLine(unescapeXml(firstMatch(start, patterns)));
}

function firstMatch(text: string, patterns: readonly RegExp[]): string {
  for (const pattern of patterns) {
    const [, value = ""] = pattern.exec(text) ?? [];
    if (value.trim() !== "") return value;
  }
  return "";
}

function unescapeJson(text: string): string {
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return text;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  apos: "'",
  gt: ">",
  lt: "<",
  quot: '"',
};

function unescapeXml(text: string): string {
  return text.replace(/&(?:#([0-9]{1,6})|([a-z]{2,4}));/g, (whole, code, name: string) => {
    if (code !== undefined) return String.fromCodePoint(Number(code));
    return ENTITIES[name] ?? whole;
  });
}

/** The first line that is not blank, without control characters and repeated blanks; or null. */
function firstLine(text: string): string | null {
  for (const line of text.split(/[\r\n]+/, 100)) {
    const shown = line.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
    if (shown !== "") return shown;
  }
  return null;
}

/** Words that add nothing to a status. */
const FILLERS = ["error", "http", "status", "the", "page", "file"];

/** Whether a reason consists of words of the message, such as `404 Not Found`. */
function repeats(reason: string, message: string): boolean {
  const known = new Set([...wordsOf(message), ...FILLERS]);
  return wordsOf(reason).every((word) => known.has(word));
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
