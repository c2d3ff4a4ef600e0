/** HTTP as a download needs it: one request, one response, its body read piece by piece. */

/**
 * Fields of a response's header, looked up by name in any case; several of one
 * name come joined by `", "` (RFC 9110, section 5.3). `Headers` is one.
 */
export type HeaderFields = Pick<Headers, "get">;

/** A GET request. */
export interface HttpRequest {
  /** Absolute, http or https, as `URL` writes it, without userinfo and fragment. */
  readonly url: string;
  /** Values by lower-case name. What frames the message is the transport's to add. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Whether the server must have a public address. A transport refuses any other before it sends a
   * byte (`redirect.private`); a proxy's address is the user's choice and is not judged.
   */
  readonly publicOnly: boolean;
  /** Ends the exchange, whatever stage it is in. */
  readonly signal: AbortSignal;
}

/** A response whose body has not been touched. A redirect is one, too: nobody has followed it. */
export interface HttpResponse {
  /** RFC 9110, section 15. */
  readonly status: number;
  /** The header. */
  readonly headers: HeaderFields;
  /** Values of the Set-Cookie fields, in order. They hold secrets. */
  readonly setCookies: readonly string[];
  /** The body, to be read to its end or cancelled. */
  readonly body: HttpBody;
}

/** A body on its way. One `read` at a time. */
export interface HttpBody {
  /**
   * Reads what comes next, and takes over the buffer behind `into`: it may be
   * detached, and is the one behind what is returned (same size, perhaps as another object).
   *
   * @returns What came, at the place of `into`; empty at the end of the body.
   * @throws Anything, where the body broke off. The buffer may be lost then.
   */
  read(into: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Gives up the rest. Does nothing once the end was read. Never rejects. May be called
   * while a `read` is under way, which then ends in some way, or never.
   */
  cancel(): Promise<void>;
}

/** Of nearly every response. */
export const NO_COOKIES: readonly string[] = [];

/**
 * Sends a request and waits for the header of its response.
 *
 * @throws The signal's reason, a `CronfetchError`, or what `fetch` throws.
 */
export type Transport = (request: HttpRequest) => Promise<HttpResponse>;
