/** A well-behaved server: whole files, conditional and range requests (RFC 9110), redirects. */

import { fileAnswer } from "./origin_file.ts";
import type { OriginFile } from "./origin_file.ts";
import { type Identity, schemeOf, SERVER_IDENTITY } from "./transport.ts";

/** The response to requests for a path. */
export type Route =
  /** A file without validators. */
  | string
  | Uint8Array<ArrayBuffer>
  /** An empty response with this status. */
  | number
  /** A file with validators and ranges. */
  | OriginFile
  /** A fixed response. */
  | Answer
  /** A redirect; relative or absolute. */
  | { readonly redirect: string; readonly status?: 301 | 302 | 303 | 307 | 308 }
  /** Routes of successive requests; the last one repeats. */
  | { readonly sequence: readonly Route[] }
  /** The route after a promise is fulfilled. */
  | { readonly after: Promise<unknown>; readonly then: Route }
  /** The route returned by a function. */
  | ((request: Request) => Response | Promise<Response>);

/** A fixed response. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text?: string;
}

/** A received request. */
export interface LoggedRequest {
  readonly method: string;
  /** The path with its query. */
  readonly path: string;
  readonly headers: Headers;
}

/**
 * A server on a free port. Disposing aborts active responses and throws errors of route functions.
 */
export interface Origin extends AsyncDisposable {
  /** `http://127.0.0.1:port`, or `https:` by the transport of all tests, without a slash at the end. */
  readonly origin: string;
  /** Every request, in order of arrival. */
  readonly log: readonly LoggedRequest[];
  /** Number of requests for a path (with its query); by default for all paths. */
  hits(path?: string): number;
  /** Replaces the route of a path and restarts its sequence. */
  route(path: string, route: Route): void;
}

/** Options of {@linkcode origin}. */
export interface OriginOptions {
  /** For TLS; null for clear text. Default: by the transport of all tests. */
  readonly tls?: Identity | null;
}

/**
 * Starts a server with a route per path. A path with a query is looked up with it first, then without.
 * Other paths are 404, methods other than GET and HEAD 405, except where the route is a function.
 *
 * @example
 * ```ts
 * import { origin } from "./origin.ts";
 *
 * await using server = origin({
 *   "/a.txt": "first",
 *   "/b.txt": { body: "second", etag: '"1"', ranges: true },
 *   "/flaky.txt": { sequence: [503, 503, "third"] },
 * });
 * ```
 */
export function origin(
  routes: Readonly<Record<string, Route>>,
  { tls = SERVER_IDENTITY }: OriginOptions = {},
): Origin {
  const table = new Map(Object.entries(routes));
  const turns = new Map<Route, number>();
  const log: LoggedRequest[] = [];
  const stop = new AbortController();
  const failures: unknown[] = [];
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => {});

  async function answer(route: Route | undefined, request: Request): Promise<Response> {
    if (route === undefined) return new Response("not found\n", { status: 404 });
    if (typeof route === "function") return await route(request);
    if (typeof route === "number") return new Response(null, { status: route });
    if (typeof route === "string" || route instanceof Uint8Array) {
      return fileAnswer({ body: route }, request, stopped.promise);
    }
    if ("body" in route) return fileAnswer(route, request, stopped.promise);
    if ("redirect" in route) {
      const headers = { location: route.redirect };
      return new Response(null, { status: route.status ?? 302, headers });
    }
    if ("sequence" in route) {
      const turn = turns.get(route) ?? 0;
      turns.set(route, turn + 1);
      return answer(route.sequence[Math.min(turn, route.sequence.length - 1)], request);
    }
    if ("after" in route) {
      await Promise.race([route.after, stopped.promise]);
      return answer(route.then, request);
    }
    return new Response(route.text ?? null, {
      status: route.status,
      ...(route.headers && { headers: { ...route.headers } }),
    });
  }

  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    ...tls,
    signal: stop.signal,
    onListen() {},
    onError(error) {
      if (!stop.signal.aborted) failures.push(error);
      return new Response(null, { status: 500 });
    },
  }, (request) => {
    const { pathname, search } = new URL(request.url);
    log.push({ method: request.method, path: pathname + search, headers: request.headers });
    const route = table.get(pathname + search) ?? table.get(pathname);
    const isOther = request.method !== "GET" && request.method !== "HEAD";
    if (isOther && typeof route !== "function") {
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    }
    return answer(route, request);
  });

  return {
    origin: `${schemeOf(tls)}://127.0.0.1:${server.addr.port}`,
    log,
    hits: (path) => log.filter((entry) => path === undefined || entry.path === path).length,
    route(path, route) {
      table.set(path, route);
      turns.delete(route);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      stopped.reject(new Error("the server was stopped"));
      await server.finished;
      if (failures.length > 0) throw failures[0];
    },
  };
}
