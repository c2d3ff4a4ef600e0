/** Transports over `fetch`, for what sockets cannot do. */

import { abortable } from "@std/async";
import type { Host } from "../core/host.ts";
import { type HttpBody, NO_COOKIES, type Transport } from "../core/http.ts";
import { createLookup } from "./egress.ts";

/** Creates a transport from `fetch`. Redirects are not followed. */
export function fetchTransport(host: Pick<Host, "fetch">): Transport {
  return async ({ method, url, headers, body: content, phases, signal }) => {
    phases?.startResponse();
    const init = { method, headers, body: content, redirect: "manual", signal } as const;
    const response = await host.fetch(url, init);
    const body = response.body === null ? NO_BODY : bodyOf(response.body, signal);
    const setCookies = response.headers.has("set-cookie")
      ? response.headers.getSetCookie()
      : NO_COOKIES;
    const { status, headers: fields } = response;
    return { status, headers: fields, setCookies, remoteAddress: null, body };
  };
}

const NO_BODY: HttpBody = {
  read: (into) => Promise.resolve(into.subarray(0, 0)),
  cancel: () => Promise.resolve(),
};

function bodyOf(stream: ReadableStream<Uint8Array>, signal: AbortSignal): HttpBody {
  let reader: ReadableStreamBYOBReader | null = null;
  const cancel = () => (reader ?? stream).cancel().catch(() => {});
  // Deno does not abort the body once the internal Request object was garbage-collected.
  signal.addEventListener("abort", cancel, { once: true });
  return {
    read: async (into) => {
      reader ??= stream.getReader({ mode: "byob" });
      const { value } = await reader.read(into);
      signal.throwIfAborted();
      // At the end, `value` is an empty view of the buffer.
      return value as Uint8Array<ArrayBuffer>;
    },
    cancel,
  };
}

/** Resolves names that must be public: `fetch` does not expose the address it connects to. */
export function checkedFetch(host: Pick<Host, "resolve">, byFetch: Transport): Transport {
  const lookup = createLookup((hostname) => host.resolve(hostname));
  return async (request) => {
    // The system's resolver accepts no signal.
    const { url, publicOnly, phases, signal } = request;
    if (publicOnly) {
      phases?.startConnect();
      await abortable(lookup(new URL(url).hostname), signal);
    }
    return await byFetch(request);
  };
}
