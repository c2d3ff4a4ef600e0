/** Secrets: which values are secret, and their redaction in texts and URLs. */

import { encodeForUrl, levelsOf } from "./encodings.ts";
import type { Excerpt } from "./problem.ts";
import { hasPlaceholder, maskAround, showPlaceholders, suggestVariables } from "./variables.ts";

/** Replacement for a secret. */
const MASK = "***";

/**
 * Minimum length of a redacted secret. Shorter ones occur in many words by chance, and the positions
 * of their masks would reveal them.
 */
const MIN_SECRET_LENGTH = 4;

/** Parts of the names of headers and query parameters whose values are secrets. */
const SENSITIVE = "token|secret|passw|pwd|signature|credential|session|jwt|api[-_]?key";

/** Names of headers whose values are secrets, also literal ones. */
const SENSITIVE_HEADER = new RegExp(
  `${SENSITIVE}|authorization|cookie|(?:^|-)(?:auth|key)(?:-|$)`,
  "i",
);

/** Keys of `auth` whose values are secrets. */
const AUTH_KEY = /^(?:basic$|bearer)/i;

/** Keys that have the word token, and a URL as their value. */
const TOKEN_URL_KEY = /^token[-_]?(?:url|endpoint)$/i;

/** Names of query parameters whose values are secrets. */
const SENSITIVE_PARAMETER = new RegExp(
  `${SENSITIVE}|accesskey|appkey|^(?:auth|authorization|sig|hmac|pass)$|(?:^|[-_])key$`,
  "i",
);

/** Returns whether the value of a query parameter is a secret by its name. */
export function isSecretParameter(name: string): boolean {
  return SENSITIVE_PARAMETER.test(name);
}

/**
 * Creates a function that replaces every secret by `***` in all its encodings: percent-encoded in
 * part or several times, escaped for JSON or HTML, as form data or a host name, in base64 alone or
 * within a longer text. Matching ignores case.
 *
 * @param secrets In any order, with duplicates; secrets of less than 4 characters are ignored.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of new Set(secrets)) {
    if (secret.length < MIN_SECRET_LENGTH) continue;
    for (const form of formsOf(secret)) {
      for (const { folded } of levelsOf(form)) {
        if (folded.length >= MIN_SECRET_LENGTH) forms.add(folded);
      }
    }
  }
  if (forms.size === 0) return (text) => text;
  const anyForm = searchFor([...forms].map((form) => form.slice(0, SEARCHED_LENGTH)));
  return (text) => {
    const ranges: (readonly [start: number, end: number])[] = [];
    for (const { folded, range } of levelsOf(text)) {
      // Most texts contain no secret; one search is enough for them.
      if (anyForm?.test(folded) === false) continue;
      for (const form of forms) {
        for (let at = folded.indexOf(form); at >= 0; at = folded.indexOf(form, at + 1)) {
          ranges.push(range(at, at + form.length));
        }
      }
    }
    return ranges.length === 0 ? text : masked(text, ranges);
  };
}

/** Number of characters of a secret in the search for any of them. */
const SEARCHED_LENGTH = 64;

/** Maximum length of the expression for that search; the engine rejects one of several megabytes. */
const MAX_SEARCH_LENGTH = 500_000;

/** An expression that finds any of the texts; null if it would be too large. */
function searchFor(texts: readonly string[]): RegExp | null {
  const source = texts.map(RegExp.escape).join("|");
  return source.length > MAX_SEARCH_LENGTH ? null : new RegExp(source);
}

/** Masks ranges of a text; overlapping ranges are masked as one. */
function masked(text: string, ranges: (readonly [start: number, end: number])[]): string {
  let shown = "";
  let last = 0;
  for (const [start, end] of ranges.sort(([one], [other]) => one - other)) {
    if (start >= last) shown += text.slice(last, start) + MASK;
    last = Math.max(last, end);
  }
  return shown + text.slice(last);
}

/** Number of cached texts: those of one task occur up to seven times. */
const MAX_CACHED_TEXTS = 1_000;

/**
 * Creates a function that redacts texts that may be URLs: secrets, userinfo and secret query
 * parameters. It caches the latest results.
 *
 * @param secrets See {@linkcode createRedactor}.
 */
export function createUrlRedactor(secrets: readonly string[]): (text: string) => string {
  const redactSecrets = createRedactor(secrets);
  const cache = new Map<string, string>();
  return (text) => {
    const known = cache.get(text);
    if (known !== undefined) return known;
    const redacted = redactUrl(redactSecrets(text));
    if (cache.size >= MAX_CACHED_TEXTS) cache.clear();
    cache.set(text, redacted);
    return redacted;
  };
}

/**
 * Redacts a line of a config: secrets, credentials in URLs, and values whose keys are those of
 * secrets. After a syntax error, no secret is known yet.
 *
 * @param redact See {@linkcode createRedactor}.
 */
export function redactExcerpt(excerpt: Excerpt, redact: (text: string) => string): Excerpt {
  const { text, column, length } = excerpt;
  // An `@` also begins values, so only words with a scheme are taken for URLs.
  const redacted = (part: string) =>
    redactValues(
      redact(part).split(" ").map((word) => isUrlWithSecrets(word) ? redactUrl(word) : word).join(
        " ",
      ),
    );
  const whole = redacted(text);
  if (whole === text || column === null) return { ...excerpt, text: whole };
  const [before, found, after] = [
    text.slice(0, column - 1),
    text.slice(column - 1, column - 1 + length),
    text.slice(column - 1 + length),
  ].map(redacted) as [string, string, string];
  return before + found + after === whole
    ? { text: whole, column: before.length + 1, length: Math.max(1, found.length) }
    : { text: whole, column: null, length };
}

/** Whether a word of a line may be a URL with credentials; names of variables are none. */
function isUrlWithSecrets(word: string): boolean {
  const hasName = word.includes("${") || suggestVariables(word) !== null;
  return word.includes("://") && (word.includes("@") || !hasName);
}

/** A text in quotes, other text, or punctuation, of a line in JSON or YAML. */
const TOKENS_OF_LINE = /"[^"]*"?|'[^']*'?|[:,{}[\]]|[^"',:{}[\]]+/g;

function isSecretKey(key: string): boolean {
  return AUTH_KEY.test(key) || (SENSITIVE_HEADER.test(key) && !TOKEN_URL_KEY.test(key));
}

function redactValues(line: string): string {
  let key = "";
  return line.replace(TOKENS_OF_LINE, (token, offset: number) => {
    const text = token.replaceAll(/["'\s]/g, "");
    if (/^[,{}[\]]$/.test(token)) key = "";
    else if (line.charAt(offset + token.length) === ":" && key === "") key = text;
    else if (isSecretKey(key) && !/^(?::?|null|true|false)$/.test(text)) {
      const value = token.replaceAll(/["']/g, "").trim();
      const isLiteral = !value.includes("${") && suggestVariables(value) === null;
      return isLiteral ? token.replace(/[^\s"'].*[^"']|[^\s"']/, MASK) : token;
    }
    return token;
  });
}

/** The forms in which a secret may occur in a decoded text. */
function formsOf(secret: string): string[] {
  const wellFormed = secret.toWellFormed();
  const encoded = [
    encodeURIComponent(wellFormed),
    encodeURI(wellFormed),
    new URLSearchParams([["", wellFormed]]).toString().slice(1),
  ];
  for (
    const text of [wellFormed, encodeForUrl(wellFormed, false), encodeForUrl(wellFormed, true)]
  ) {
    const url = new URL("http://host/");
    url.username = text;
    url.pathname = text;
    url.search = text;
    encoded.push(text, url.username, url.pathname.slice(1), url.search.slice(1));
    // A value with a path and a query is encoded in two ways.
    for (const start of ["http://host/", "http://host/?"]) {
      encoded.push(new URL(start + text).href.slice(start.length));
    }
  }
  return [secret, ...encoded, ...hostForms(wellFormed), ...base64Forms(wellFormed)];
}

/** A secret that is a host name or the beginning of one, which is ASCII in a URL. */
function hostForms(secret: string): string[] {
  const url = `http://${secret}/`;
  return URL.canParse(url) ? [new URL(url).hostname] : [];
}

/** Minimum length of base64; shorter text would match by chance. */
const MIN_BASE64_LENGTH = 8;

/** Base64 in both alphabets, of the secret alone and within a longer text. */
function base64Forms(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const forms = [bytes.toBase64(), bytes.toBase64({ omitPadding: true })];
  // Three bytes are four characters, which depend on the offset of the secret.
  for (const before of [0, 1, 2]) {
    const shifted = new Uint8Array(before + bytes.length);
    shifted.set(bytes, before);
    const end = Math.floor(shifted.length * 8 / 6);
    const form = shifted.toBase64().slice(Math.ceil(before * 8 / 6), end);
    if (form.length >= MIN_BASE64_LENGTH) forms.push(form);
  }
  return forms.flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
}

/** Returns the secrets in a header; none if it is not secret by its name. */
export function secretsInHeader(name: string, value: string): string[] {
  if (!SENSITIVE_HEADER.test(name)) return [];
  if (/^cookie$/i.test(name)) {
    return [value, ...value.split(";").map((pair) => pair.slice(pair.indexOf("=") + 1).trim())];
  }
  const [, scheme, credentials] = /^(\S+)\s+(\S.*)$/.exec(value) ?? [];
  if (scheme === undefined || credentials === undefined) return [value];
  const basic = /^basic$/i.test(scheme) ? userAndPassword(credentials) : [];
  return [value, credentials, ...basic];
}

/** `user:password` of Basic credentials (RFC 7617, section 2), and the password alone. */
function userAndPassword(credentials: string): string[] {
  try {
    const pair = new TextDecoder().decode(Uint8Array.fromBase64(credentials));
    return [pair, pair.slice(pair.indexOf(":") + 1)];
  } catch {
    return [];
  }
}

/**
 * Returns the secrets in the userinfo of a URL: the password, and `user:password` as in a Basic
 * header. A user name without a password is a token, as at GitHub.
 */
export function secretsInUrl(url: URL | null): string[] {
  if (url === null || url.username + url.password === "") return [];
  const secrets = [url, { username: decoded(url.username), password: decoded(url.password) }]
    .flatMap(({ username, password }) => [`${username}:${password}`, password || username]);
  return [...new Set(secrets)];
}

/** Decodes percent-encoded text; invalid sequences are kept. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes;
    }
  });
}

/** The part of a URL before the userinfo; its slashes may be missing or reversed (WHATWG URL). */
const BEFORE_USERINFO = /^\s*(?:[a-z][a-z0-9+.-]*:)?[/\\]*/i;

/** The end of the authority of a URL. */
const AUTHORITY_END = /[/\\?#]/g;

/** A parameter. Its name contains no "?": a run of them would be searched from each character. */
const PARAMETER = /([?&;#])([^=&;#?]*)=([^&#]+)/g;
/** A parameter in a sentence, where a value ends at a space or a quote. */
const PARAMETER_IN_TEXT = /([?&;#])([^=&;#?\s"'`]*)=([^&#\s"'`]+)/g;

/**
 * Replaces the userinfo and the secret query parameters of URLs by `***`, and placeholders of
 * secrets without a value by `${env:NAME}` or `${file:PATH}`. Never throws.
 *
 * @param text A URL, an invalid URL, or a sentence with URLs and file names. Except in a valid URL,
 * userinfo ends at a space or a quote, so that an `@` in a file name masks nothing else.
 */
export function redactUrl(text: string): string {
  const isUrl = URL.canParse(text);
  const shown = !text.includes("@") ? text : isUrl
    // The path or the query may contain another URL.
    ? withoutUserinfo(text).replace(WORD, (word) => afterSlashes(word) ?? word)
    : text.replace(WORD, (word) => afterSlashes(word) ?? beforeAt(word));
  return showPlaceholders(shown.replace(
    isUrl ? PARAMETER : PARAMETER_IN_TEXT,
    (whole, before: string, name: string, value: string) =>
      SENSITIVE_PARAMETER.test(decoded(name)) ? `${before}${name}=${maskOf(value)}` : whole,
  ));
}

/** Masks the userinfo of a URL, up to the last `@` of its authority. */
function withoutUserinfo(url: string): string {
  const [before = ""] = BEFORE_USERINFO.exec(url) ?? [];
  AUTHORITY_END.lastIndex = before.length;
  const end = AUTHORITY_END.exec(url)?.index ?? url.length;
  const at = url.lastIndexOf("@", end);
  if (at < before.length) return url;
  return `${before}${maskOf(url.slice(before.length, at))}${url.slice(at)}`;
}

/** The mask of a user name and password or a parameter; placeholders in it are not secret. */
function maskOf(secret: string): string {
  if (!hasPlaceholder(secret)) return MASK;
  return secret.split(":").map((part) => maskAround(part, MASK)).join(":");
}

/** A text without spaces and quotes. */
const WORD = /[^\s"'`]+/g;

/** Masks possible userinfo after double slashes in a word; null if there is none. */
function afterSlashes(word: string): string | null {
  const lastAt = word.lastIndexOf("@");
  let shown = "";
  let last = 0;
  for (const { index, 0: slashes } of word.matchAll(/[/\\]{2,}/g)) {
    const start = index + slashes.length;
    if (start > lastAt) break;
    AUTHORITY_END.lastIndex = start;
    const authority = word.slice(start, AUTHORITY_END.exec(word)?.index ?? word.length);
    const at = authority.lastIndexOf("@");
    // A password that contains a slash looks like an invalid port.
    const isBroken = at < 0 && !/^\d*$|\]$/.test(authority.slice(authority.lastIndexOf(":") + 1)) &&
      authority.includes(":");
    const end = isBroken ? lastAt : start + at;
    if (end >= start) {
      shown += word.slice(last, start) + maskOf(word.slice(start, end));
      last = end;
    }
    if (isBroken) break;
  }
  return last > 0 ? shown + word.slice(last) : null;
}

/** Masks credentials without slashes, which differ from a file name by a colon before the `@`. */
function beforeAt(word: string): string {
  const [authority = ""] = word.split(/[/\\?#]/, 1);
  const at = authority.lastIndexOf("@");
  return at >= 0 && authority.slice(0, at).includes(":") ? MASK + word.slice(at) : word;
}
