/** Responses for a file: validators, conditions and ranges of RFC 9110. */

/** A file and what the server supports for it. */
export interface OriginFile {
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** Content-Type. */
  readonly type?: string;
  /** An entity tag with its quotes, `"x"` or `W/"x"`; makes If-None-Match work. */
  readonly etag?: string;
  /** An HTTP date; makes If-Modified-Since work. */
  readonly lastModified?: string;
  /** Answers a single byte range with 206. */
  readonly ranges?: boolean;
  /** More headers, sent with 200, 206 and 304. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends headers and half of the body, and the rest once this is fulfilled. */
  readonly restAfter?: Promise<unknown>;
}

/** Responds to GET or HEAD for `file`. A waiting body is aborted when `stopped` rejects. */
export function fileAnswer(file: OriginFile, request: Request, stopped: Promise<never>): Response {
  const bytes = typeof file.body === "string" ? new TextEncoder().encode(file.body) : file.body;
  const headers = new Headers(file.headers);
  if (file.type !== undefined) headers.set("content-type", file.type);
  if (file.etag !== undefined) headers.set("etag", file.etag);
  if (file.lastModified !== undefined) headers.set("last-modified", file.lastModified);
  if (file.ranges) headers.set("accept-ranges", "bytes");

  if (isUnchanged(file, request.headers)) return new Response(null, { status: 304, headers });

  const range = file.ranges ? rangeOf(file, request, bytes.length) : null;
  if (range === "unsatisfiable") {
    headers.set("content-range", `bytes */${bytes.length}`);
    return new Response(null, { status: 416, headers });
  }
  const content = range === null ? bytes : bytes.slice(range.first, range.last + 1);
  if (range !== null) {
    headers.set("content-range", `bytes ${range.first}-${range.last}/${bytes.length}`);
  }
  headers.set("content-length", String(content.length));
  const body = file.restAfter === undefined
    ? content
    : inHalves(content, Promise.race([file.restAfter, stopped]));
  return new Response(request.method === "HEAD" ? null : body, {
    status: range === null ? 200 : 206,
    headers,
  });
}

/** RFC 9110, section 13.2.2: If-None-Match takes precedence over If-Modified-Since. */
function isUnchanged(file: OriginFile, headers: Headers): boolean {
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== null) {
    if (noneMatch.trim() === "*") return true;
    const own = file.etag === undefined ? null : opaque(file.etag);
    return [...noneMatch.matchAll(/(?:W\/)?"[^"]*"/g)].some(([tag]) => opaque(tag) === own);
  }
  const since = Date.parse(headers.get("if-modified-since") ?? "");
  return file.lastModified !== undefined && Date.parse(file.lastModified) <= since;
}

/** The tag without its weakness: weak comparison (RFC 9110, section 8.8.3.2). */
function opaque(etag: string): string {
  return etag.replace(/^W\//, "");
}

interface Range {
  readonly first: number;
  readonly last: number;
}

/** The part to send; null for the whole file (RFC 9110, sections 13.1.5, 14.1.2 and 14.2). */
function rangeOf(
  file: OriginFile,
  request: Request,
  sizeBytes: number,
): Range | "unsatisfiable" | null {
  const parts = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get("range")?.trim() ?? "");
  if (request.method !== "GET" || parts === null) return null;
  const ifRange = request.headers.get("if-range")?.trim();
  if (ifRange !== undefined && ifRange !== strongEtag(file) && ifRange !== file.lastModified) {
    return null;
  }
  const [, from = "", to = ""] = parts;
  if (from === "") return to === "" ? null : suffix(Number(to), sizeBytes);
  const first = Number(from);
  const last = to === "" ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (to !== "" && Number(to) < first) return null;
  return first >= sizeBytes ? "unsatisfiable" : { first, last };
}

function suffix(lengthBytes: number, sizeBytes: number): Range | "unsatisfiable" {
  if (lengthBytes === 0 || sizeBytes === 0) return "unsatisfiable";
  return { first: Math.max(0, sizeBytes - lengthBytes), last: sizeBytes - 1 };
}

/** The tag if it may be used where bytes must be equal. */
function strongEtag(file: OriginFile): string | undefined {
  return file.etag?.startsWith("W/") ? undefined : file.etag;
}

function inHalves(
  content: Uint8Array<ArrayBuffer>,
  rest: Promise<unknown>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const middle = Math.ceil(content.length / 2);
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(content.slice(0, middle));
      await rest;
      controller.enqueue(content.slice(middle));
      controller.close();
    },
  });
}
