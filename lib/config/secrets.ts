/** What must never be shown, and how it is kept out of texts and URLs. */

import { levelsOf } from "./encodings.ts";

/** What stands where a secret stood. */
const MASK = "***";

/**
 * Shorter ones are left alone: they stand in every other word, and text that is
 * full of masks tells them to whoever looks.
 */
const SHORTEST_SECRET = 4;

/** Words that make a secret of what they name, in headers and in query parameters. */
const SENSITIVE = "token|secret|passw|pwd|signature|credential|session|jwt|api[-_]?key";

/** Names of headers whose values are secrets, whoever wrote them. */
const SENSITIVE_HEADER = new RegExp(
  `${SENSITIVE}|authorization|cookie|(?:^|-)(?:auth|key)(?:-|$)`,
  "i",
);

/** Names of query parameters whose values are secrets. */
const SENSITIVE_PARAMETER = new RegExp(
  `${SENSITIVE}|accesskey|appkey|^(?:auth|authorization|sig|hmac|pass)$|(?:^|[-_])key$`,
  "i",
);

/** Whether the name of a query parameter says that its value is a secret. */
export function isSecretParameter(name: string): boolean {
  return SENSITIVE_PARAMETER.test(name);
}

/**
 * Makes a function that replaces each secret by `***`, however it is written: percent-encoded in
 * part or several times, in either case, escaped for JSON or HTML, as a form or a host name has it,
 * in base64 alone or within a longer text. Letters match in either case.
 *
 * @param secrets In any order, with doubles; those of less than 4 characters are passed over.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of new Set(secrets)) {
    if (secret.length < SHORTEST_SECRET) continue;
    for (const form of formsOf(secret)) {
      for (const { folded } of levelsOf(form)) {
        if (folded.length >= SHORTEST_SECRET) forms.add(folded);
      }
    }
  }
  if (forms.size === 0) return (text) => text;
  const anyForm = new RegExp([...forms].map(RegExp.escape).join("|"));
  return (text) => {
    const ranges: (readonly [start: number, end: number])[] = [];
    for (const { folded, range } of levelsOf(text)) {
      // Most texts hold no secret: one search shows it.
      if (!anyForm.test(folded)) continue;
      for (const form of forms) {
        for (let at = folded.indexOf(form); at >= 0; at = folded.indexOf(form, at + 1)) {
          ranges.push(range(at, at + form.length));
        }
      }
    }
    return ranges.length === 0 ? text : masked(text, ranges);
  };
}

/** Replaces ranges of a text; those that overlap as one. */
function masked(text: string, ranges: (readonly [start: number, end: number])[]): string {
  let shown = "";
  let last = 0;
  for (const [start, end] of ranges.sort(([one], [other]) => one - other)) {
    if (start >= last) shown += text.slice(last, start) + MASK;
    last = Math.max(last, end);
  }
  return shown + text.slice(last);
}

/** Texts whose redacted forms are remembered: those of one task come up to seven times. */
const REMEMBERED_TEXTS = 1_000;

/**
 * Makes a function that redacts URLs, and texts that may be one: secrets, userinfo and telling
 * query parameters. It remembers the latest ones.
 *
 * @param secrets See {@linkcode createRedactor}.
 */
export function createUrlRedactor(secrets: readonly string[]): (text: string) => string {
  const redactSecrets = createRedactor(secrets);
  const remembered = new Map<string, string>();
  return (text) => {
    const known = remembered.get(text);
    if (known !== undefined) return known;
    const redacted = redactUrl(redactSecrets(text));
    if (remembered.size >= REMEMBERED_TEXTS) remembered.clear();
    remembered.set(text, redacted);
    return redacted;
  };
}

/**
 * A value as it is put into a URL, where it may be a path or a query: only what
 * would end the URL is percent-encoded.
 *
 * @param isBeginning Whether the URL begins with it, and so may have its fragment.
 */
export function encodeForUrl(value: string, isBeginning: boolean): string {
  return value.replace(isBeginning ? / /g : /[ #]/g, encodeURIComponent);
}

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
    // One that is both a path and a query is encoded in two ways.
    for (const start of ["http://host/", "http://host/?"]) {
      encoded.push(new URL(start + text).href.slice(start.length));
    }
  }
  return [secret, ...encoded, ...hostForms(wellFormed), ...base64Forms(wellFormed)];
}

/** A secret that is a host name, or the beginning of one: URLs hold it in ASCII. */
function hostForms(secret: string): string[] {
  const url = `http://${secret}/`;
  return URL.canParse(url) ? [new URL(url).hostname] : [];
}

/** Fewer characters of base64 would match by chance. */
const SHORTEST_BASE64 = 8;

/** Base64 in both alphabets, of the secret alone, and of it within a longer text. */
function base64Forms(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const forms = [bytes.toBase64(), bytes.toBase64({ omitPadding: true })];
  // Three bytes make four characters: which ones depends on where the secret begins.
  for (const before of [0, 1, 2]) {
    const shifted = new Uint8Array(before + bytes.length);
    shifted.set(bytes, before);
    const end = Math.floor(shifted.length * 8 / 6);
    const form = shifted.toBase64().slice(Math.ceil(before * 8 / 6), end);
    if (form.length >= SHORTEST_BASE64) forms.push(form);
  }
  return forms.flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
}

/** Secrets in a header: those of a name that means one, whoever wrote the value. */
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

/** `user:password` of a Basic header (RFC 7617, section 2), and the password alone. */
function userAndPassword(credentials: string): string[] {
  try {
    const pair = new TextDecoder().decode(Uint8Array.fromBase64(credentials));
    return [pair, pair.slice(pair.indexOf(":") + 1)];
  } catch {
    return [];
  }
}

/**
 * Secrets in the userinfo of a URL: the password, and with its user as it goes
 * into a Basic header. A user name without a password is a token, as GitHub's are.
 */
export function secretsInUrl(url: URL | null): string[] {
  if (url === null || url.username + url.password === "") return [];
  const secrets = [url, { username: decoded(url.username), password: decoded(url.password) }]
    .flatMap(({ username, password }) => [`${username}:${password}`, password || username]);
  return [...new Set(secrets)];
}

/** Decodes percent-encoded text; what cannot be decoded stays. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (bytes) => {
    try {
      return decodeURIComponent(bytes);
    } catch {
      return bytes;
    }
  });
}

/** What precedes the userinfo of a URL; its slashes may be missing or reversed (WHATWG URL). */
const BEFORE_USERINFO = /^\s*(?:[a-z][a-z0-9+.-]*:)?[/\\]*/i;

/** Ends the authority of a URL. */
const AUTHORITY_END = /[/\\?#]/g;

/** A parameter. No "?" in a name: a run of them would be searched from each of its characters. */
const PARAMETER = /([?&;#])([^=&;#?]*)=([^&#]+)/g;
/** The same in a sentence, where a value ends at a blank or a quote. */
const PARAMETER_IN_TEXT = /([?&;#])([^=&;#?\s"'`]*)=([^&#\s"'`]+)/g;

/**
 * Replaces the userinfo of URLs and the values of their telling query parameters by `***`. Leaves
 * the rest as it is, and never throws.
 *
 * @param text A URL, something that was meant as one, or a sentence that names URLs and files. In
 * all but a URL, userinfo ends at a blank or a quote, so an `@` in a file name hides nothing else.
 */
export function redactUrl(text: string): string {
  const isUrl = URL.canParse(text);
  const shown = !text.includes("@") ? text : isUrl
    // Its path or query may hold another URL.
    ? withoutUserinfo(text).replace(WORD, (word) => afterSlashes(word) ?? word)
    : text.replace(WORD, (word) => afterSlashes(word) ?? beforeAt(word));
  return shown.replace(
    isUrl ? PARAMETER : PARAMETER_IN_TEXT,
    (whole, before: string, name: string) =>
      SENSITIVE_PARAMETER.test(decoded(name)) ? `${before}${name}=${MASK}` : whole,
  );
}

/** Masks the userinfo of a URL: all up to the last `@` of its authority. */
function withoutUserinfo(url: string): string {
  const [before = ""] = BEFORE_USERINFO.exec(url) ?? [];
  AUTHORITY_END.lastIndex = before.length;
  const end = AUTHORITY_END.exec(url)?.index ?? url.length;
  const at = url.lastIndexOf("@", end);
  return at < before.length ? url : `${before}${MASK}${url.slice(at)}`;
}

/** A text without blanks and quotes. */
const WORD = /[^\s"'`]+/g;

/** Masks what may be the userinfo of URLs in a word, which begin by slashes; null without any. */
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
    // A password with a slash in it looks like a port that is none.
    const isBroken = at < 0 && !/^\d*$|\]$/.test(authority.slice(authority.lastIndexOf(":") + 1)) &&
      authority.includes(":");
    const end = isBroken ? lastAt : start + at;
    if (end >= start) {
      shown += word.slice(last, start) + MASK;
      last = end;
    }
    if (isBroken) break;
  }
  return last > 0 ? shown + word.slice(last) : null;
}

/** The same without slashes: a colon before the `@` tells credentials from a file name. */
function beforeAt(word: string): string {
  const [authority = ""] = word.split(/[/\\?#]/, 1);
  const at = authority.lastIndexOf("@");
  return at >= 0 && authority.slice(0, at).includes(":") ? MASK + word.slice(at) : word;
}
