/** Traces requests: the runtime traces only those of `fetch`. */

import type { Transport } from "../core/http.ts";
import type { Tracing } from "../core/telemetry.ts";
import { fromFetchError } from "./network_error.ts";

/**
 * Adds a span to each request, from its start to the head of its response, and names it to the
 * server.
 *
 * @param redact Removes secrets from a URL.
 */
export function traced(
  transport: Transport,
  tracing: Tracing,
  redact: (url: string) => string,
): Transport {
  return async (request) => {
    const { method, url, headers, signal } = request;
    return await tracing.trace({ kind: "request", method, url: redact(url) }, async (span) => {
      try {
        const response = await transport({ ...request, headers: { ...headers, ...span.fields() } });
        const { status: httpStatus, remoteAddress } = response;
        span.ended({ kind: "request", code: null, httpStatus, remoteAddress });
        return response;
      } catch (error) {
        const { code, httpStatus } = fromFetchError(error, signal);
        span.ended({ kind: "request", code, httpStatus, remoteAddress: null });
        throw error;
      }
    });
  };
}
