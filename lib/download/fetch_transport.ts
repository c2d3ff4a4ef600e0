/** Requests by `fetch`: for every URL, with TLS, HTTP/2 and proxies. */

import type { Host } from "../core/host.ts";
import { type HttpBody, NO_COOKIES, type Transport } from "../core/http.ts";

/** Makes a transport of the host's `fetch`. */
export function fetchTransport(host: Pick<Host, "fetch">): Transport {
  return async ({ url, headers, signal }) => {
    const response = await host.fetch(url, { headers, redirect: "manual", signal });
    const body = response.body === null ? NO_BODY : bodyOf(response.body, signal);
    const setCookies = response.headers.has("set-cookie")
      ? response.headers.getSetCookie()
      : NO_COOKIES;
    return { status: response.status, headers: response.headers, setCookies, body };
  };
}

const NO_BODY: HttpBody = {
  read: (into) => Promise.resolve(into.subarray(0, 0)),
  cancel: () => Promise.resolve(),
};

function bodyOf(stream: ReadableStream<Uint8Array>, signal: AbortSignal): HttpBody {
  let reader: ReadableStreamBYOBReader | null = null;
  const cancel = () => (reader ?? stream).cancel().catch(() => {});
  // Deno forgets to tell the body of its signal once the Request that stood between is collected.
  signal.addEventListener("abort", cancel, { once: true });
  return {
    read: async (into) => {
      reader ??= stream.getReader({ mode: "byob" });
      const { value } = await reader.read(into);
      signal.throwIfAborted();
      // At the end there is an empty view, and the buffer behind it.
      return value as Uint8Array<ArrayBuffer>;
    },
    cancel,
  };
}
