/**
 * Checks of single values that a schema cannot express. A problem is the rest of a sentence that
 * begins with the path of the value; null if the value is valid.
 */

import { TOKEN } from "../core/http.ts";
import { MAX_ID_BYTES } from "../core/task.ts";
import { type Parsed, quote, withGuess, withHint } from "./problem.ts";
import { redactUrl } from "./secrets.ts";

const HEADER_NAME = new RegExp(`^${TOKEN}$`);

/** Headers that frame the message or that cronfetch sets for conditional and range requests. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "host",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "keep-alive",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Parses the URL of a file.
 *
 * @param written The text in the config, before substitution; for a suggestion.
 */
export function parseUrl(text: string, written: string): Parsed<URL> {
  if (hasControls(text)) return { problem: "must not contain control characters" };
  const url = URL.parse(text);
  if (url === null) {
    const guess = /^[\w-]+(?:\.[\w-]+)+(?:[:/?#]|$)/.test(written) ? `https://${written}` : null;
    return { problem: withGuess("must be an absolute http or https URL", guess) };
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    const [, key, rest] = /^([a-z]+):(https?:\/\/.*)$/i.exec(written) ?? [];
    return {
      problem: withHint(
        `must be an http or https URL, not ${quote(url.protocol)}`,
        key === undefined ? null : `YAML needs a blank after a colon: ${key}: ${rest}`,
      ),
    };
  }
  return { value: url };
}

/** Checks the name of a request header. */
export function checkHeaderName(name: string): string | null {
  if (!HEADER_NAME.test(name)) return "is not a valid header name";
  return OWN_HEADERS.has(name.toLowerCase()) ? "is a header that cronfetch sets itself" : null;
}

/** Checks the value of a request header (RFC 9110, section 5.5); the problem does not contain it. */
export function checkHeaderValue(value: string): string | null {
  if (/\s$|^\s/.test(value)) return "must not begin or end with white space or a line break";
  if (hasControls(value.replaceAll("\t", " "))) return "must not contain control characters";
  return /[^\0-\xff]/.test(value) ? "must not contain characters outside Latin-1" : null;
}

/** Headers that describe the client, and what it prefers. */
const PUBLIC_HEADER =
  /^(?:accept|accept-charset|accept-language|cache-control|dnt|pragma|prefer|priority|referer|save-data|sec-(?:ch|fetch|gpc)[a-z-]*|upgrade-insecure-requests|user-agent|want-(?:content|repr)-digest|x-requested-with)$/;

/**
 * Whether a literal header is no credential, so that every origin may receive it. Unknown headers
 * may be credentials, and so may a URL with a secret.
 *
 * @param name In lower case.
 */
export function isPublicHeader(name: string, value: string): boolean {
  return PUBLIC_HEADER.test(name) && redactUrl(value) === value;
}

/** Checks the ID of a task. */
export function checkId(id: string): string | null {
  if (hasControls(id)) return "must not contain control characters";
  // The state would refuse it, and with it every run.
  if (!id.isWellFormed()) return "must be well-formed Unicode; it has half of a surrogate pair";
  const bytes = id.length * 3 <= MAX_ID_BYTES ? 0 : new TextEncoder().encode(id).length;
  return bytes <= MAX_ID_BYTES ? null : `must have at most ${MAX_ID_BYTES} bytes; it has ${bytes}`;
}

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
