/** Fetches access tokens by the client credentials grant of OAuth 2.0 (RFC 6749, section 4.4). */

import manifest from "../../deno.json" with { type: "json" };
import {
  allowInsecureRequests,
  clientCredentialsGrantRequest,
  ClientSecretBasic,
  ClientSecretPost,
  customFetch,
  type CustomFetchOptions,
  processClientCredentialsResponse,
  ResponseBodyError,
  UnsupportedOperationError,
} from "oauth4webapi";
import { CronfetchError, type CronfetchErrorOptions, type Retry } from "../core/errors.ts";
import type { HttpBody, HttpResponse, OAuth2Client, Transport } from "../core/http.ts";
import type { Clock, Timers } from "../core/host.ts";
import { quoteServerText } from "../core/text.ts";
import { requestedPauseMs, withTimeout } from "../core/time.ts";
import { fromFetchError } from "./network_error.ts";

/** A token of a server. */
export interface AccessToken {
  /** A secret. */
  readonly text: string;
  /** Seconds from the request for it; null if the server does not limit it. */
  readonly expiresInS: number | null;
}

/** How a token is requested. */
export interface TokenRequest {
  readonly transport: Transport;
  /** As in `HttpRequest`. */
  readonly publicOnly: boolean;
  readonly timers: Pick<Timers, "after">;
  readonly clock: Pick<Clock, "now">;
  /** Aborts the request. */
  readonly signal: AbortSignal;
}

/** Limit for a token, in milliseconds: name resolution, TLS and the response. */
const TIMEOUT_MS = 30_000;

/** Maximum size of a response; tokens with many claims have some ten kilobytes. */
const MAX_RESPONSE_BYTES = 1024 * 1024;

const OTHER_TYPE = "the type of the token is not Bearer (RFC 6750)";

/** The credentials of RFC 6750, section 2.1, and what servers send in practice. */
const TOKEN_TEXT = /^[!-~]+$/;

/**
 * Fetches a token.
 *
 * @param client The client and its token endpoint.
 * @param request How to send the request.
 * @returns The token, which a request has as `Bearer` credentials (RFC 6750).
 * @throws {CronfetchError} `auth.failed`; temporary if the server is unreachable or busy. The signal's
 * reason. The message has no secret of the client or of the response, unless an error of the server
 * repeats it.
 */
export async function fetchToken(
  client: OAuth2Client,
  request: TokenRequest,
): Promise<AccessToken> {
  return await withTimeout(
    request.timers,
    TIMEOUT_MS,
    (limit) => requestToken(client, request, AbortSignal.any([limit, request.signal])),
    () => failure(client, `no response within ${TIMEOUT_MS / 1000} seconds`, { retry: "later" }),
  );
}

function failure(
  { tokenUrl }: OAuth2Client,
  reason: string,
  options: CronfetchErrorOptions,
): CronfetchError {
  const { origin, pathname } = new URL(tokenUrl);
  const message = `getting a token from ${origin}${pathname}: ${reason}`;
  return new CronfetchError("auth.failed", message, options);
}

async function requestToken(
  client: OAuth2Client,
  { transport, publicOnly, clock }: TokenRequest,
  signal: AbortSignal,
): Promise<AccessToken> {
  const { tokenUrl, clientId, clientSecret, scope, audience, clientAuth } = client;
  const { origin } = new URL(tokenUrl);
  const server = { issuer: origin, token_endpoint: tokenUrl };
  const application = { client_id: clientId };
  const parameters = {
    ...(scope !== null && { scope }),
    ...(audience !== null && { audience }),
  };
  let status = 0;
  let fields: HttpResponse["headers"] = new Headers();
  const send = async (
    url: string,
    { headers, body }: CustomFetchOptions<"POST", URLSearchParams>,
  ): Promise<Response> => {
    const response = await transport({
      method: "POST",
      url,
      headers,
      body: new TextEncoder().encode(body.toString()),
      publicOnly,
      phases: null,
      signal,
    });
    ({ status, headers: fields } = response);
    const bytes = await readAll(response.body);
    const isGood = status >= 200 && status < 300;
    // Without WWW-Authenticate, for which the library would ignore the reason in the body.
    return new Response(isGood ? essentialsOf(bytes) : bytes, {
      status: isGood ? 200 : status < 200 ? 500 : status,
      headers: { "content-type": "application/json" },
    });
  };
  const failed = (reason: string, retry: Retry = "never") => failure(client, reason, { retry });
  // A busy server requests a pause of all tasks that need its tokens.
  const refused = (reason: string) =>
    failure(client, reason, busyOptions(status, fields, clock.now().epochMilliseconds));
  let response: Response;
  try {
    response = await clientCredentialsGrantRequest(
      server,
      application,
      (clientAuth === "post" ? ClientSecretPost : ClientSecretBasic)(clientSecret),
      parameters,
      {
        [customFetch]: send,
        // The config warns of clear text.
        [allowInsecureRequests]: true,
        headers: { "user-agent": `cronfetch/${manifest.version}` },
      },
    );
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const { message, retry } = fromFetchError(error, signal);
    throw failed(message, retry);
  }
  if (status >= 300 && status < 400) {
    throw failed(`the server answered ${status}, a redirect: set tokenUrl to the final address`);
  }
  try {
    // The error of the library is no `cause`: it has the body, and so perhaps a token.
    const { access_token: text, token_type: type, expires_in: expiresInS } =
      await processClientCredentialsResponse(server, application, response);
    if (type !== "bearer") throw failed(OTHER_TYPE);
    if (!TOKEN_TEXT.test(text)) throw failed("the token has characters that no header can have");
    return { text, expiresInS: expiresInS ?? null };
  } catch (error) {
    if (error instanceof CronfetchError) throw error;
    if (error instanceof ResponseBodyError) {
      const { error: code, error_description: description } = error;
      const reason = description === undefined ? "" : `: ${quoteServerText(description)}`;
      throw refused(`${status} ${quoteServerText(code)}${reason}`);
    }
    if (error instanceof UnsupportedOperationError) throw failed(OTHER_TYPE);
    throw status >= 200 && status < 300
      ? failed("the response has no token: check tokenUrl")
      : refused(`the server answered ${status}`);
  }
}

/** A busy or broken server may recover; the refusal of a client stays one. */
function busyOptions(
  status: number,
  headers: HttpResponse["headers"],
  nowMs: number,
): CronfetchErrorOptions {
  if (status < 500 && status !== 408 && status !== 429) return { retry: "never" };
  const pauseMs = requestedPauseMs(headers, nowMs);
  return { retry: "later", httpStatus: status, ...(pauseMs !== null && { pauseMs }) };
}

/**
 * What is used of a response, as the library expects it. Servers leave out the type, send null for no
 * lifetime, and add an ID token, whose claims the library would verify.
 */
function essentialsOf(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return bytes;
  }
  if (typeof parsed !== "object" || parsed === null || !("access_token" in parsed)) return bytes;
  const { access_token, token_type, expires_in } = {
    token_type: "bearer",
    expires_in: null,
    ...parsed,
  };
  // A lifetime of less than a second would mean a token for each request.
  const lifetime = Number(expires_in) >= 1 ? { expires_in: Number(expires_in) } : {};
  return new TextEncoder().encode(JSON.stringify({ access_token, token_type, ...lifetime }));
}

async function readAll(body: HttpBody): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let bytes = 0; bytes <= MAX_RESPONSE_BYTES;) {
    const piece = await body.read(new Uint8Array(16 * 1024));
    if (piece.byteLength === 0) return new Uint8Array(await new Blob(pieces).arrayBuffer());
    bytes += piece.byteLength;
    pieces.push(piece);
  }
  await body.cancel();
  throw new CronfetchError("auth.failed", "the response is larger than 1 MiB");
}
