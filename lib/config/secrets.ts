/** What must never be shown, and how it is kept out of texts and URLs. */

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
 * Makes a function that puts `***` in place of each secret, in every form in
 * which one can turn up: as it is, percent-encoded, escaped for JSON, in base64.
 *
 * @param secrets In any order, with doubles; those of less than 4 characters are passed over.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of new Set(secrets)) {
    if (secret.length < SHORTEST_SECRET) continue;
    for (const form of formsOf(secret)) forms.add(form);
  }
  if (forms.size === 0) return (text) => text;
  // The longest first: a secret may be the beginning of another one.
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(patternOf).join("|"), "g");
  return (text) => text.replace(pattern, MASK);
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

/** Matches a form as it is, but for the case of percent-encoded bytes. */
function patternOf(form: string): string {
  return form.split(/(%[0-9A-F]{2})/).map((part, index) =>
    index % 2 === 0
      ? RegExp.escape(part)
      : part.replace(/[A-F]/g, (digit) => `[${digit}${digit.toLowerCase()}]`)
  ).join("");
}

/**
 * A value as it is put into a URL, where it may be a path or a query: only what
 * would end the URL is percent-encoded.
 *
 * @param isBeginning Whether the URL begins with it, and so may have its fragment.
 */
export function fittingInUrl(value: string, isBeginning: boolean): string {
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
    const text of [wellFormed, fittingInUrl(wellFormed, false), fittingInUrl(wellFormed, true)]
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
  const bytes = new TextEncoder().encode(wellFormed);
  const base64 = bytes.toBase64();
  return [
    secret,
    ...encoded,
    JSON.stringify(wellFormed).slice(1, -1),
    base64,
    bytes.toBase64({ omitPadding: true }),
    bytes.toBase64({ alphabet: "base64url", omitPadding: true }),
  ].filter((form) => form.length >= SHORTEST_SECRET);
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

/** The same in a text that is not a URL: a scheme needs its slash. */
const BEFORE_BROKEN_USERINFO = /^\s*(?:[a-z][a-z0-9+.-]*:[/\\]+|[/\\]*)/i;

/** Ends the authority of a URL. */
const AUTHORITY_END = /[/\\?#]/g;

/**
 * Puts `***` in place of the userinfo of a URL and of the values of its telling
 * query parameters. Leaves the rest as it is, and never throws: what is no URL
 * is treated as one that might have been meant.
 */
export function redactUrl(url: string): string {
  return withoutUserinfo(url)
    // No "?" in a name: a run of them would be searched from each of its characters.
    .replace(
      /([?&;#])([^=&;#?]*)=([^&#]+)/g,
      (whole, before: string, name: string) =>
        SENSITIVE_PARAMETER.test(decoded(name)) ? `${before}${name}=${MASK}` : whole,
    );
}

/**
 * Masks the userinfo: in a URL all up to the last `@` of its authority, in any other text all up to
 * the last `@`.
 */
function withoutUserinfo(url: string): string {
  const isUrl = URL.canParse(url);
  const [before = ""] = (isUrl ? BEFORE_USERINFO : BEFORE_BROKEN_USERINFO).exec(url) ?? [];
  AUTHORITY_END.lastIndex = before.length;
  const end = isUrl ? AUTHORITY_END.exec(url)?.index ?? url.length : url.length;
  const at = url.lastIndexOf("@", end);
  return at < before.length ? url : `${before}${MASK}${url.slice(at)}`;
}
