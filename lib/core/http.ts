/** HTTP for downloads: a request, its response, and the body as a stream. */

/** A method or field name (RFC 9110, section 5.6.2), as the source of a regular expression. */
export const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

/**
 * Fields of a response, by case-insensitive name; fields of the same name are joined by `", "`
 * (RFC 9110, section 5.3). `Headers` is one.
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

/** The variables, the more specific ones first. Lower case takes precedence. */
const BY_PROTOCOL: Readonly<Record<string, readonly string[]>> = {
  "http:": ["HTTP_PROXY", "ALL_PROXY"],
  "https:": ["HTTPS_PROXY", "ALL_PROXY"],
};

/** All variables that decide whether a URL goes through a proxy. */
export const PROXY_VARIABLES: readonly string[] = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
].flatMap((name) => [name.toLowerCase(), name]);

/**
 * The variable that names a proxy for a URL.
 *
 * @param env Looks up an environment variable.
 * @returns Its name, or null if the request is sent directly. The value may contain a password and
 * must not be shown.
 */
export function proxyVariable(
  url: URL,
  env: (name: string) => string | undefined,
): string | null {
  const found = (BY_PROTOCOL[url.protocol] ?? [])
    .flatMap((name) => [name.toLowerCase(), name])
    .find((name) => (env(name) ?? "") !== "");
  if (found === undefined) return null;
  const exceptions = env("no_proxy") ?? env("NO_PROXY") ?? "";
  return exceptions.split(",").some((entry) => excepts(entry.trim(), url.hostname)) ? null : found;
}

/** Whether an entry of NO_PROXY matches a host: `*`, the name itself, or a parent domain. */
function excepts(entry: string, hostname: string): boolean {
  if (entry === "*") return true;
  const domain = entry.toLowerCase().replace(/^\./, "");
  return domain !== "" && (hostname === domain || hostname.endsWith(`.${domain}`));
}
