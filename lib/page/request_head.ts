/** Parses the heads of requests to the status page. Pure. */

/** The parts of a request head that the page uses. */
export interface RequestHead {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  readonly headers: Headers;
  /** Size of the body; 0 without one. */
  readonly bodyBytes: number;
  /** Whether the client accepts chunked responses: HTTP/1.1. */
  readonly isChunkable: boolean;
}

/** Statuses of rejected requests. */
export type HeadStatus = 400 | 411 | 413 | 431 | 505;

/** Why a request is rejected. */
export interface HeadError {
  readonly status: HeadStatus;
}

/** The longest head, request line included. */
export const MAX_HEAD_BYTES = 32 * 1024;
/** The longest body. Forms have a lower limit of their own. */
export const MAX_BODY_BYTES = 1024 * 1024;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Index behind the empty line that ends a head, or -1. Lines may end with a bare LF. */
export function headEnd(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return at + 3;
  }
  return -1;
}

/**
 * Parses a head (RFC 9112, sections 3 and 5). Ambiguous heads, as used for request smuggling, are
 * rejected: a fold, a space before a colon, several lengths or hosts, a transfer coding.
 *
 * @param text The head as Latin-1, with or without its empty line.
 */
export function parseRequestHead(text: string): RequestHead | HeadError {
  const [requestLine = "", ...fields] = text.trimEnd().split("\n")
    .map((line) => line.endsWith("\r") ? line.slice(0, -1) : line);
  const [method = "", target = "", version = "", ...rest] = requestLine.split(" ");
  if (!TOKEN.test(method) || rest.length > 0) return { status: 400 };
  if (!/^HTTP\/\d\.\d$/.test(version)) return { status: 400 };
  if (!version.startsWith("HTTP/1.")) return { status: 505 };
  const isChunkable = version !== "HTTP/1.0";
  const headers = new Headers();
  const lengths: string[] = [];
  const hosts: string[] = [];
  for (const field of fields) {
    const colon = field.indexOf(":");
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    if (colon < 1 || !TOKEN.test(name) || /[\0\r]/.test(value)) return { status: 400 };
    if (name === "transfer-encoding") return { status: 411 };
    if (name === "content-length") lengths.push(value);
    if (name === "host") hosts.push(value);
    headers.append(name, value);
  }
  const [length = "0"] = lengths;
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) return { status: 400 };
  if (Number(length) > MAX_BODY_BYTES) return { status: 413 };
  const [host = ""] = hosts;
  if (hosts.length > 1 || (isChunkable && hosts.length === 0)) return { status: 400 };
  const url = requestUrl(target, host === "" ? "localhost" : host);
  return url === null
    ? { status: 400 }
    : { method, url, headers, bodyBytes: Number(length), isChunkable };
}

/** The URL of a target in origin form, or in absolute form as proxies send it. */
function requestUrl(target: string, host: string): string | null {
  if (/^http:\/\//i.test(target)) return URL.canParse(target) ? target : null;
  // Other characters in the host would end up in another component of the URL.
  if (!target.startsWith("/") || !/^[\w.~%:[\]-]+$/.test(host)) return null;
  const url = `http://${host}${target}`;
  return URL.canParse(url) ? url : null;
}
