/** HTTP: a request, its response, the body as a stream, and how servers are connected to. */

import type { ClientIdentity } from "./host.ts";

/** A method or field name (RFC 9110, section 5.6.2), as the source of a regular expression. */
export const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

/**
 * Fields of a response, by case-insensitive name, with one character per byte. Fields of the same
 * name are joined by `", "` (RFC 9110, section 5.3), except Location, which is no list and may have
 * a comma: equal values count once, and the first two different ones are joined by a line feed.
 * `Headers` implements it, except that it joins Location like the other fields.
 */
export type HeaderFields = Pick<Headers, "get">;

/**
 * Methods of requests (RFC 9110, section 9.3; PATCH: RFC 5789; QUERY:
 * draft-ietf-httpbis-safe-method-w-body).
 */
export type HttpMethod =
  | "GET"
  | "HEAD"
  | "OPTIONS"
  | "PUT"
  | "DELETE"
  | "POST"
  | "PATCH"
  | "QUERY";

/** A request. */
export interface HttpRequest {
  readonly method: HttpMethod;
  /** Absolute, http or https, as `URL` writes it, without userinfo and fragment. */
  readonly url: string;
  /** Values by lower-case name. The transport adds the fields that frame the message. */
  readonly headers: Readonly<Record<string, string>>;
  /** The content, which must not change before the response; null without. */
  readonly body: Uint8Array<ArrayBuffer> | null;
  /**
   * Whether it may be sent again although its method is not idempotent: the user has declared that it
   * only reads. Default: false.
   */
  readonly isRead?: boolean;
  /**
   * Whether the server must have a public address. A transport refuses any other before it sends a
   * byte (`redirect.private`); a proxy's address is the user's choice and is not judged.
   */
  readonly publicOnly: boolean;
  /** Is notified of the phases of the request, to apply time limits; or null. */
  readonly phases: RequestPhases | null;
  /** Aborts the exchange at any stage. */
  readonly signal: AbortSignal;
}

/** The phases of a request before its response, in order. A request on a kept connection has one. */
export interface RequestPhases {
  /** Called before a connection is opened: name resolution, TCP, proxy and TLS. */
  startConnect(): void;
  /**
   * Called when the request is sent, and again after each written piece of a large body. `fetch`
   * does not report when it has connected: there it is called once, at the start.
   */
  startResponse(): void;
}

/**
 * Creates a GET request without content.
 *
 * @param url Absolute, http or https, as `URL` writes it.
 * @param signal Aborts the exchange.
 * @returns A request without fields and time limits, to a server with any address.
 */
export function getRequest(url: string, signal: AbortSignal): HttpRequest {
  return { method: "GET", url, headers: {}, body: null, publicOnly: false, phases: null, signal };
}

/** A response whose body has not been read. Redirects are not followed. */
export interface HttpResponse {
  /** RFC 9110, section 15. */
  readonly status: number;
  /** The header. */
  readonly headers: HeaderFields;
  /** Values of the Set-Cookie fields, in order. They hold secrets. */
  readonly setCookies: readonly string[];
  /** Address of the server, or of its proxy; null if it is unknown, as by `fetch`. */
  readonly remoteAddress: string | null;
  /** The body, to be read to its end or cancelled. */
  readonly body: HttpBody;
  /** Whether it is a 401 to a request with the {@linkcode Credentials} of its origin. */
  readonly refusesCredentials?: boolean;
}

/** A body that is being received. One `read` at a time. */
export interface HttpBody {
  /** Whether the end is known to be reached, so that another `read` would return nothing. */
  readonly isEnded?: boolean;
  /**
   * Reads the next bytes. Takes ownership of the buffer of `into`, which may be detached and is
   * transferred to the returned array (same size, perhaps another object).
   *
   * @returns The bytes received, at the position of `into`; empty at the end of the body.
   * @throws Anything, if the body broke off. The buffer may be lost then.
   */
  read(into: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Discards the rest. Does nothing after the end was read. Never rejects. May be called during a
   * `read`, which then resolves, rejects, or stays pending.
   */
  cancel(): Promise<void>;
}

/** The cookies of nearly every response. */
export const NO_COOKIES: readonly string[] = [];

/**
 * Sends a request and waits for the head of its response.
 *
 * @throws The signal's reason, a `CronfetchError`, or what `fetch` throws.
 */
export type Transport = (request: HttpRequest) => Promise<HttpResponse>;

/** How to connect to a server. */
export interface ConnectionSettings {
  /**
   * URL of a proxy: http, https, socks5 or socks5h, perhaps with userinfo. `"direct"` for none; null
   * to use that of the environment.
   */
  readonly proxy: string | null;
  /** PEM texts of authorities that are trusted in addition to those of Deno. */
  readonly caCerts: readonly string[];
  /** The certificate of the client, or null. */
  readonly identity: ClientIdentity | null;
}

/** The settings of a server that the config does not mention. */
export const DEFAULT_SETTINGS: ConnectionSettings = { proxy: null, caCerts: [], identity: null };

/**
 * Finds the settings of a server. Called once per origin and transport.
 *
 * @param origin `https://name`, with the port if it is not that of the scheme.
 */
export type SettingsOf = (origin: string) => ConnectionSettings;

/** What authorizes requests to an origin. */
export type Credentials =
  /** The value of Authorization (RFC 7617, RFC 6750). */
  | { readonly kind: "fixed"; readonly scheme: "Basic" | "Bearer"; readonly authorization: string }
  | OAuth2Client;

/** A client that gets tokens by the client credentials grant (RFC 6749, section 4.4). */
export interface OAuth2Client {
  readonly kind: "oauth2";
  /** Absolute, http or https, without userinfo and fragment. */
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Scopes with a space between them (RFC 6749, section 3.3), or null. */
  readonly scope: string | null;
  /** The API that the token is for, a parameter of some servers; or null. */
  readonly audience: string | null;
  /** How the secret is sent: by Basic authentication or in the body (RFC 6749, section 2.3.1). */
  readonly clientAuth: "basic" | "post";
}

/** Credentials of the config, and the only origin that receives them. */
export interface OriginCredentials {
  /** `https://name`, with the port if it is not that of the scheme. */
  readonly origin: string;
  readonly credentials: Credentials;
}
