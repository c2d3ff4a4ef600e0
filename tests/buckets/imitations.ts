/**
 * Proxies in front of a real server that imitate others: each changes requests or responses as one
 * of the servers does on which the store was tried. Requests are signed again, so signatures are
 * tested elsewhere.
 */

import { ask, head, S3Refusal } from "../helpers/s3_objects.ts";
import type { S3Server } from "../helpers/s3_server.ts";

/** A request to an imitated server. */
interface Received {
  readonly method: string;
  readonly bucket: string;
  /** Decoded; `""` for the bucket itself. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
}

/** How an imitated server answers. */
interface Behaviour {
  /** Changes the headers or the query, or answers itself. */
  readonly request?: (received: Received, server: S3Server) => Promise<Response | null>;
  /** Changes the text of a response. */
  readonly response?: (text: string, received: Received) => string;
}

const refuse = (status: number, code: string): Promise<Response> =>
  Promise.resolve(new Response(`<Error><Code>${code}</Code></Error>`, { status }));

const isCopy = ({ headers }: Received) => headers.has("x-amz-copy-source");
const isUploadList = ({ method, query }: Received) => method === "GET" && query.has("uploads");
const withoutEtags = (text: string) => text.replace(/<ETag>.*?<\/ETag>/g, "");

/** Behaviours of servers on which the store was tried, as the tests name them. */
export const BEHAVIOURS = {
  "If-Match without quotes only": {
    request: async ({ bucket, key, headers }, server) => {
      const tag = headers.get("if-match");
      if (tag === null) return null;
      if (tag.startsWith('"')) return await refuse(412, "PreconditionFailed");
      const found = await head(server, bucket, key);
      if (found?.etag !== `"${tag}"`) return await refuse(412, "PreconditionFailed");
      headers.set("if-match", `"${tag}"`);
      return null;
    },
  },
  "ignored conditions": {
    request: ({ headers }) => {
      headers.delete("if-match");
      headers.delete("if-none-match");
      return Promise.resolve(null);
    },
  },
  "no UploadPartCopy": {
    request: (received) =>
      isCopy(received) && received.query.has("partNumber")
        ? refuse(501, "NotImplemented")
        : Promise.resolve(null),
  },
  "UploadPartCopy without an ETag": {
    response: (text) => text.includes("CopyPartResult") ? withoutEtags(text) : text,
  },
  "no copies": {
    request: (received) => isCopy(received) ? refuse(501, "NotImplemented") : Promise.resolve(null),
  },
  "a % in names decoded twice": {
    request: ({ headers }) => {
      const source = decodeURIComponent(headers.get("x-amz-copy-source") ?? "");
      return source.includes("%") ? refuse(404, "NoSuchKey") : Promise.resolve(null);
    },
  },
  "uploads listed by key": {
    response: (text, received) => {
      if (!isUploadList(received)) return text;
      const prefix = received.query.get("prefix") ?? "";
      return text.replace(
        /<Upload>.*?<\/Upload>/gs,
        (upload) => prefix !== "" && upload.includes(`<Key>${prefix}</Key>`) ? upload : "",
      );
    },
  },
  "uploads listed without a prefix": {
    response: (text, received) =>
      isUploadList(received) && received.query.get("prefix")
        ? text.replace(/<Upload>.*?<\/Upload>/gs, "")
        : text,
  },
  "no lists of uploads": {
    request: (received) =>
      isUploadList(received) ? refuse(501, "NotImplemented") : Promise.resolve(null),
  },
  "lists without ETags": {
    response: (text) => text.includes("ListBucketResult") ? withoutEtags(text) : text,
  },
} as const satisfies Readonly<Record<string, Behaviour>>;

/** A case of another server. */
export type Imitated = keyof typeof BEHAVIOURS;

/** A running imitation. */
export interface Imitation extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly endpoint: string;
  /** Method, key and query of each request so far. */
  readonly requests: readonly string[];
}

/** Headers that belong to the connection or to a signature of the proxy's own. */
const OWN_HEADERS = /^(?:host|connection|authorization|content-length|accept-encoding|user-agent)$/;
const SIGNED_AGAIN = /^x-amz-(?:date|content-sha256|security-token)$/;

/** Starts an imitation of another server in front of a real one. */
export function imitate(name: Imitated, server: S3Server): Imitation {
  const behaviour: Behaviour = BEHAVIOURS[name];
  const requests: string[] = [];
  const handle = async (request: Request): Promise<Response> => {
    const { pathname, search, searchParams } = new URL(request.url);
    const [, bucket = "", ...segments] = pathname.split("/").map(decodeURIComponent);
    const kept = [...request.headers]
      .filter(([field]) => !OWN_HEADERS.test(field) && !SIGNED_AGAIN.test(field));
    const headers = new Headers(kept);
    const { method } = request;
    const received = { method, bucket, key: segments.join("/"), query: searchParams, headers };
    requests.push(`${method} ${received.key}${search}`);
    const body = new Uint8Array(await request.arrayBuffer());
    const own = await behaviour.request?.(received, server);
    if (own) return own;
    const answer = await forward(received, body, server);
    const { status } = answer;
    const sent = new Headers(answer.headers);
    sent.delete("transfer-encoding");
    if (method === "HEAD" || status === 204) return new Response(null, { status, headers: sent });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const isXml = bytes[0] === 0x3c;
    const text = isXml ? new TextDecoder().decode(bytes) : "";
    const changed = isXml ? behaviour.response?.(text, received) ?? text : bytes;
    sent.delete("content-length");
    return new Response(changed, { status, headers: sent });
  };
  const listener = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handle);
  return {
    endpoint: `http://127.0.0.1:${listener.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => listener.shutdown(),
  };
}

async function forward(
  { method, bucket, key, query, headers }: Received,
  body: Uint8Array<ArrayBuffer>,
  server: S3Server,
): Promise<Response> {
  const asked = {
    query: Object.fromEntries(query),
    headers: Object.fromEntries(headers),
    ...(key === "" ? {} : { key }),
    ...(method === "PUT" || method === "POST" ? { body } : {}),
  };
  try {
    return await ask(server, method, bucket, asked);
  } catch (error) {
    if (error instanceof S3Refusal) return new Response(error.message, { status: error.status });
    throw error;
  }
}
