/** Requests by `fetch`: for every URL, with TLS, HTTP/2 and proxies. */

import type { Host } from "../core/host.ts";
import type { HttpBody, Transport } from "../core/http.ts";

/** Makes a transport of the host's `fetch`. */
export function fetchTransport(host: Pick<Host, "fetch">): Transport {
  return async ({ url, headers, signal }) => {
    const response = await host.fetch(url, { headers, redirect: "manual", signal });
    return { status: response.status, headers: response.headers, body: bodyOf(response.body) };
  };
}

function bodyOf(stream: ReadableStream<Uint8Array> | null): HttpBody {
  let reader: ReadableStreamBYOBReader | null = null;
  return {
    read: async (into) => {
      if (stream === null) return into.subarray(0, 0);
      reader ??= stream.getReader({ mode: "byob" });
      const { value } = await reader.read(into);
      // At the end there is an empty view, and the buffer behind it.
      return value as Uint8Array<ArrayBuffer>;
    },
    cancel: async () => {
      await (reader ?? stream)?.cancel().catch(() => {});
    },
  };
}
