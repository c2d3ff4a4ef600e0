/**
 * Cookies (RFC 6265) for the attempts of one task. They are kept in memory only, and never appear
 * in a message, event or record. This module is loaded when a server sets the first cookie.
 */

import { parseString } from "set-cookie-parser";

/** Size limit of the name and value of a cookie, in bytes (RFC 6265, section 6.1). */
const MAX_COOKIE_BYTES = 4_096;
/** Size limit of all cookies of a task, in bytes; the oldest are dropped beyond it. */
export const MAX_JAR_BYTES = 64 * 1_024;
/** Size limit of a Cookie field, in bytes: the common limit of servers for a header line. */
export const MAX_FIELD_BYTES = 8_000;

/** Shorter values are not redacted: flags and languages are also parts of other texts. */
const SHORTEST_SECRET = 8;
/** Limit of redacted forms of values; later values of a server that sets more are shown. */
const MAX_SECRETS = 500;

/** A stored cookie (RFC 6265, section 5.3), sent only to the host that set it. */
interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly hostname: string;
  readonly path: string;
  readonly secure: boolean;
  /** Milliseconds since the epoch; `Infinity` for the life of the task. */
  readonly expiresMs: number;
}

/** The cookies of a task. */
export class CookieJar {
  /** By host, path and name, in the order in which they were first set. */
  readonly #cookies = new Map<string, Cookie>();
  #sizeBytes = 0;
  /** Values of all cookies that were set, also of those that were removed again. */
  readonly #secrets = new Set<string>();

  /**
   * Stores the cookies of a response. Ignores a cookie that is malformed, too large, for another
   * host, or Secure and received over http.
   *
   * @param fields Values of the Set-Cookie fields, in order.
   * @param url The requested URL.
   * @param nowMs Wall clock, milliseconds since the epoch.
   * @returns Whether a cookie was added, changed or removed.
   */
  store(fields: readonly string[], url: URL, nowMs: number): boolean {
    let isChanged = false;
    for (const field of fields) {
      const cookie = readCookie(field, url, nowMs);
      if (cookie === null) continue;
      this.#addSecret(cookie.value);
      if (this.#put(cookie, nowMs)) isChanged = true;
    }
    while (this.#sizeBytes > MAX_JAR_BYTES) {
      const [oldest] = this.#cookies.keys();
      this.#remove(oldest as string);
    }
    return isChanged;
  }

  /**
   * The cookies for a request, those of longer paths first (RFC 6265, section 5.4).
   *
   * @returns Value of the Cookie field, or null for none.
   */
  header(url: URL, nowMs: number): string | null {
    const pairs = [...this.#cookies.values()]
      .filter((cookie) => isFor(cookie, url) && cookie.expiresMs > nowMs)
      .sort((one, other) => other.path.length - one.path.length)
      .map(({ name, value }) => `${name}=${value}`);
    let text = "";
    for (const pair of pairs) {
      const longer = text === "" ? pair : `${text}; ${pair}`;
      if (longer.length <= MAX_FIELD_BYTES) text = longer;
    }
    return text === "" ? null : text;
  }

  /**
   * Replaces values that a server has set, as it sends them back in a URL or a message, by `***`.
   */
  redact(text: string): string {
    let shown = text;
    for (const value of this.#secrets) shown = shown.replaceAll(value, "***");
    return shown;
  }

  /**
   * Adds a value to the texts that {@linkcode redact} removes, also percent-encoded and decoded.
   */
  #addSecret(value: string): void {
    if (value.length < SHORTEST_SECRET || this.#secrets.size >= MAX_SECRETS) return;
    for (const form of [value, encodeURIComponent(value.toWellFormed()), decoded(value)]) {
      if (form.length >= SHORTEST_SECRET) this.#secrets.add(form);
    }
  }

  #put(cookie: Cookie, nowMs: number): boolean {
    const key = `${cookie.hostname} ${cookie.path} ${cookie.name}`;
    const earlier = this.#cookies.get(key);
    if (cookie.expiresMs <= nowMs) {
      this.#remove(key);
      return earlier !== undefined;
    }
    // A changed cookie keeps its position.
    this.#cookies.set(key, cookie);
    this.#sizeBytes += sizeOf(cookie) - (earlier ? sizeOf(earlier) : 0);
    return earlier?.value !== cookie.value || earlier.secure !== cookie.secure;
  }

  #remove(key: string): void {
    const cookie = this.#cookies.get(key);
    if (!cookie) return;
    this.#cookies.delete(key);
    this.#sizeBytes -= sizeOf(cookie);
  }
}

/** Values are Latin-1: a character is a byte. */
function sizeOf({ name, value }: Cookie): number {
  return name.length + value.length;
}

/** Whether a request for a URL sends a cookie. */
function isFor(cookie: Cookie, url: URL): boolean {
  return cookie.hostname === url.hostname && (!cookie.secure || url.protocol === "https:") &&
    isBelow(url.pathname, cookie.path);
}

/** Whether a path is a cookie's path or below it (RFC 6265, section 5.1.4). */
function isBelow(pathname: string, path: string): boolean {
  return pathname === path ||
    (pathname.startsWith(path) && (path.endsWith("/") || pathname[path.length] === "/"));
}

/** Reads one Set-Cookie field; null for a cookie that is not stored. */
function readCookie(field: string, url: URL, nowMs: number): Cookie | null {
  const parsed = parseString(field, { decodeValues: false, silent: true });
  if (parsed === null || parsed.name === "") return null;
  const { name, value, path, domain, maxAge, secure = false } = parsed;
  if (name.length + value.length > MAX_COOKIE_BYTES) return null;
  if (secure && url.protocol !== "https:") return null;
  if (domain && !mayBeSetBy(url.hostname, domain)) return null;
  return {
    name,
    value,
    // Without a list of public suffixes, a parent Domain could be shared by unrelated sites.
    hostname: url.hostname,
    path: path?.startsWith("/") ? path : directoryOf(url.pathname),
    secure,
    expiresMs: maxAge === undefined ? expiryOf(field) : nowMs + maxAge * 1000,
  };
}

/** Whether a Domain is the host or a parent domain. */
function mayBeSetBy(hostname: string, domain: string): boolean {
  const wanted = domain.replace(/^\./, "").toLowerCase();
  return hostname === wanted || hostname.endsWith(`.${wanted}`);
}

/** Decodes percent-encoded text; returns malformed text unchanged. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The default path of a cookie (RFC 6265, section 5.1.4). */
function directoryOf(pathname: string): string {
  return pathname.slice(0, Math.max(1, pathname.lastIndexOf("/")));
}

/** The last valid Expires. The parser's own date parsing reads `-1` as a day in 2001. */
function expiryOf(field: string): number {
  let expiresMs = Infinity;
  for (const attribute of field.split(";").slice(1)) {
    const equals = attribute.indexOf("=");
    if (equals < 0 || attribute.slice(0, equals).trim().toLowerCase() !== "expires") continue;
    expiresMs = parseCookieDate(attribute.slice(equals + 1)) ?? expiresMs;
  }
  return expiresMs;
}

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const TIME = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D|$)/;
const DAY = /^(\d{1,2})(?:\D|$)/;
const YEAR = /^(\d{2,4})(?:\D|$)/;
/** Delimiters in a date: ASCII except digits, letters and colons. */
const DELIMITERS = /[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+/;

/**
 * Parses a date as browsers do (RFC 6265, section 5.1.1): time, day, month and year in any order.
 *
 * @returns Milliseconds since the epoch, or null.
 */
export function parseCookieDate(text: string): number | null {
  let time: RegExpExecArray | null = null;
  let day: number | null = null;
  let month = -1;
  let year: number | null = null;
  for (const token of text.split(DELIMITERS)) {
    const isTime: RegExpExecArray | null = time === null ? TIME.exec(token) : null;
    const isDay: RegExpExecArray | null = day === null ? DAY.exec(token) : null;
    const isMonth = month < 0 ? MONTHS.indexOf(token.slice(0, 3).toLowerCase()) : -1;
    const isYear: RegExpExecArray | null = year === null ? YEAR.exec(token) : null;
    if (isTime) time = isTime;
    else if (isDay) day = Number(isDay[1]);
    else if (isMonth >= 0) month = isMonth;
    else if (isYear) year = Number(isYear[1]);
  }
  if (time === null || day === null || month < 0 || year === null) return null;
  const [hour, minute, second] = time.slice(1).map(Number) as [number, number, number];
  const fullYear = year + (year < 70 ? 2000 : year < 100 ? 1900 : 0);
  if (fullYear < 1601 || hour > 23 || minute > 59 || second > 59) return null;
  const dateMs = Date.UTC(fullYear, month, day, hour, minute, second);
  return day >= 1 && new Date(dateMs).getUTCDate() === day ? dateMs : null;
}
