/** HTTP for downloads: a request, its response, and the body as a stream. */

/**
 * Fields of a response, by case-insensitive name; fields of the same name are joined by `", "` (RFC 9110, section 5.3). `Headers` is one.
 */
export type HeaderFields = Pick<Headers, "get">;

/** A GET request. */
export interface HttpRequest {
  /** Absolute, http or https, as `URL` writes it, without userinfo and fragment. */
  readonly url: string;
  /** Values by lower-case name. The transport adds the fields that frame the message. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Whether the server must have a public address. A transport refuses any other before it sends a
   * byte (`redirect.private`); a proxy's address is the user's choice and is not judged.
   */
  readonly publicOnly: boolean;
  /** Aborts the exchange at any stage. */
  readonly signal: AbortSignal;
}

/** A response whose body has not been read. Redirects are not followed. */
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

/** A body that is being received. One `read` at a time. */
export interface HttpBody {
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
