/**
 * Authorizes requests: each request to an origin with credentials gets them, and no other. Redirects
 * are requests of their own, so a chain that leaves the origin leaves its credentials behind.
 */

import { abortable } from "@std/async";
import { CronfetchError } from "../core/errors.ts";
import type { Clock, Timers } from "../core/host.ts";
import type { HttpRequest, OAuth2Client, OriginCredentials, Transport } from "../core/http.ts";
import { hostKind } from "./egress.ts";
import { originOf } from "./server.ts";

/** What authorization needs. */
export interface AuthorizeContext {
  readonly host: { readonly clock: Clock; readonly timers: Timers };
  /** Sends the requests, those for tokens included. */
  readonly transport: Transport;
  /** Aborts requests for tokens. */
  readonly signal: AbortSignal;
  /** Called with the text of each token, which is a secret. */
  readonly onToken: (text: string) => void;
}

const UNAUTHORIZED = 401;

/** The last part of a token's lifetime, in which it is not used: requests take time. */
const MARGIN = 0.1;

/** The longest such part, in milliseconds. */
const MAX_MARGIN_MS = 60_000;

/**
 * Creates a transport that adds credentials to requests to their origins. A request with an
 * `authorization` of its own is sent unchanged. Tokens are fetched on demand, once for all requests;
 * after a 401 to a token that was accepted before, a new one is fetched and the request repeated once.
 * Once that was in vain, tokens of less than a minute are not replaced.
 *
 * @param credentials At most one entry per origin.
 * @param context How to send requests.
 * @returns Its errors are those of the transport, and `auth.failed`. A 401 to a request with
 * credentials has `refusesCredentials`.
 */
export function authorizeRequests(
  credentials: readonly OriginCredentials[],
  context: AuthorizeContext,
): Transport {
  const { transport } = context;
  const sources = new Map<string, AuthorizationSource>(
    credentials.map(({ origin, credentials }) => [
      origin,
      credentials.kind === "fixed"
        ? new FixedSource(credentials.authorization)
        : new TokenSource(origin, credentials, context),
    ]),
  );
  return async (request) => {
    const source = sources.get(originOf(request.url));
    if (source === undefined || request.headers["authorization"] !== undefined) {
      return await transport(request);
    }
    for (let attempt = 1;; attempt++) {
      const authorization = await source.authorization(request);
      const response = await transport({
        ...request,
        headers: { ...request.headers, authorization },
      });
      if (response.status !== UNAUTHORIZED) {
        source.accepted(authorization);
        return response;
      }
      if (!source.refused(authorization, attempt > 1)) {
        return { ...response, refusesCredentials: true };
      }
      await response.body.cancel();
    }
  };
}

/** The credentials of one origin. */
interface AuthorizationSource {
  /** The value of Authorization for a request. */
  authorization(request: HttpRequest): string | Promise<string>;
  /** A response was not 401. */
  accepted(authorization: string): void;
  /**
   * A response was 401. Returns whether to send the request again, with other credentials.
   *
   * @param isRepeated Whether the request was sent again already.
   */
  refused(authorization: string, isRepeated: boolean): boolean;
}

class FixedSource implements AuthorizationSource {
  readonly #authorization: string;

  constructor(authorization: string) {
    this.#authorization = authorization;
  }

  authorization(): string {
    return this.#authorization;
  }

  accepted(): void {}

  refused(): boolean {
    return false;
  }
}

/** A token that can be used. */
interface CurrentToken {
  readonly authorization: string;
  /** Monotonic time from which on another one is fetched. */
  readonly endsMs: number;
  /** Monotonic time of its request. */
  readonly startedMs: number;
  /** Whether a response was not 401. Otherwise a further token would be refused as well. */
  isAccepted: boolean;
}

/** Age from which on a token is replaced after a 401 although another replacement was in vain. */
const MIN_AGE_MS = 60_000;

/** Tokens of one origin, in memory only. */
class TokenSource implements AuthorizationSource {
  readonly #origin: string;
  readonly #client: OAuth2Client;
  readonly #context: AuthorizeContext;
  #current: CurrentToken | null = null;
  #pending: Promise<string> | null = null;
  /** Whether a request was refused with a replaced token too: some APIs answer 401 to what is forbidden. */
  #wasInVain = false;
  /** A permanent failure, which is not repeated for each of the tasks. */
  #failure: CronfetchError | null = null;

  constructor(origin: string, client: OAuth2Client, context: AuthorizeContext) {
    this.#origin = origin;
    this.#client = client;
    this.#context = context;
  }

  authorization({ publicOnly, signal }: HttpRequest): string | Promise<string> {
    if (this.#failure !== null) throw this.#failure;
    const current = this.#current;
    const { clock } = this.#context.host;
    if (current !== null && clock.monotonicMs() < current.endsMs) return current.authorization;
    if (this.#pending === null) {
      this.#pending = this.#renew(publicOnly).finally(() => this.#pending = null);
      // Each request waits with a signal of its own, and may be aborted before the token arrives.
      this.#pending.catch(() => {});
    }
    return abortable(this.#pending, signal);
  }

  accepted(authorization: string): void {
    if (this.#current?.authorization === authorization) this.#current.isAccepted = true;
  }

  refused(authorization: string, isRepeated: boolean): boolean {
    if (isRepeated) {
      this.#wasInVain = true;
      return false;
    }
    if (this.#current?.authorization !== authorization) return true;
    const { isAccepted, startedMs } = this.#current;
    const ageMs = this.#context.host.clock.monotonicMs() - startedMs;
    if (!isAccepted || (this.#wasInVain && ageMs < MIN_AGE_MS)) return false;
    this.#current = null;
    return true;
  }

  async #renew(publicOnly: boolean): Promise<string> {
    const { host: { clock, timers }, transport, signal, onToken } = this.#context;
    const startedMs = clock.monotonicMs();
    // Loaded on demand: most credentials are fixed.
    const { fetchToken } = await import("./oauth2.ts");
    const { tokenUrl } = this.#client;
    try {
      const { text, expiresInS } = await fetchToken(this.#client, {
        transport,
        publicOnly: publicOnly && hostKind(new URL(tokenUrl).hostname) !== "private",
        timers,
        clock,
        signal,
      });
      onToken(text);
      const lifetimeMs = (expiresInS ?? Infinity) * 1000;
      const marginMs = Math.min(lifetimeMs * MARGIN, MAX_MARGIN_MS);
      const authorization = `Bearer ${text}`;
      this.#current = {
        authorization,
        endsMs: startedMs + lifetimeMs - marginMs,
        startedMs,
        isAccepted: false,
      };
      return authorization;
    } catch (error) {
      if (error instanceof CronfetchError && error.retry === "never") this.#failure = error;
      throw error;
    }
  }
}
