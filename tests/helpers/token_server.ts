/** A token endpoint (RFC 6749, section 4.4) and the API that accepts its tokens. */

import type { Route } from "./origin.ts";
import { type Identity, schemeOf, SERVER_IDENTITY } from "./transport.ts";

/** A client that the server knows. */
export const CLIENT = { clientId: "reader", clientSecret: "sesame open & shut" } as const;

/** A received request for a token. */
export interface TokenRequestLog {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly headers: Headers;
  readonly form: Readonly<Record<string, string>>;
}

/** A token server on a free port. */
export interface TokenServer extends AsyncDisposable {
  readonly tokenUrl: string;
  /** Every request, in order of arrival. */
  readonly log: readonly TokenRequestLog[];
  /** Texts of all tokens that were issued, in order. */
  readonly tokens: readonly string[];
  /** Makes all tokens invalid that were issued so far. */
  revoke(): void;
  /** A route of an API: the file for a valid token, else 401. */
  file(text: string): Route;
}

/** Options of {@linkcode tokenServer}. */
export interface TokenServerOptions {
  /** Instead of a token; receives the number of the request. Null for a token. */
  readonly answer?: (count: number) => Response | Promise<Response> | null;
  /** Seconds; default: not in the response. */
  readonly expiresIn?: number | string;
  /** Default: that of {@linkcode CLIENT}. */
  readonly clientSecret?: string;
  readonly tls?: Identity | null;
}

/** Starts a server that issues tokens to {@linkcode CLIENT}. */
export function tokenServer(
  {
    answer = () => null,
    expiresIn,
    clientSecret = CLIENT.clientSecret,
    tls = SERVER_IDENTITY,
  }: TokenServerOptions = {},
): TokenServer {
  const log: TokenRequestLog[] = [];
  const tokens: string[] = [];
  let valid = new Set<string>();
  const stop = new AbortController();
  // Form-encoded first (RFC 6749, section 2.3.1).
  const [id, secret] = [CLIENT.clientId, clientSecret].map((text) =>
    new URLSearchParams({ "": text }).toString().slice(1)
  );
  const basic = `Basic ${btoa(`${id}:${secret}`)}`;

  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, ...tls, signal: stop.signal, onListen() {} },
    async (request) => {
      const { method, headers, url } = request;
      const form = Object.fromEntries(new URLSearchParams(await request.text()));
      const authorization = headers.get("authorization");
      log.push({ method, path: new URL(url).pathname, authorization, headers, form });
      const other = answer(log.length);
      if (other !== null) return other;
      const isClient = authorization === null
        ? form["client_id"] === CLIENT.clientId && form["client_secret"] === clientSecret
        : authorization === basic;
      if (method !== "POST" || !isClient || form["grant_type"] !== "client_credentials") {
        return Response.json(
          { error: "invalid_client", error_description: `unknown: ${form["client_secret"] ?? ""}` },
          { status: 401, headers: { "www-authenticate": 'Basic realm="tokens"' } },
        );
      }
      const token = `access-token-${tokens.length + 1}-of-the-server`;
      tokens.push(token);
      valid.add(token);
      return Response.json({
        access_token: token,
        token_type: "Bearer",
        ...(expiresIn !== undefined && { expires_in: expiresIn }),
      });
    },
  );

  return {
    tokenUrl: `${schemeOf(tls)}://127.0.0.1:${server.addr.port}/oauth2/token`,
    log,
    tokens,
    revoke: () => void (valid = new Set()),
    file: (text) => ({ headers }) => {
      const [, token = ""] = /^Bearer (.*)$/.exec(headers.get("authorization") ?? "") ?? [];
      if (valid.has(token)) return new Response(text);
      return new Response(`no access with ${token}\n`, {
        status: 401,
        headers: { "www-authenticate": 'Bearer realm="the \\"API\\"", error="invalid_token"' },
      });
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await server.finished;
    },
  };
}
