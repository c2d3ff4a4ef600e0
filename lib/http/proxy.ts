/** Which proxy requests go through: that of the settings, or that of the environment. */

import { CronfetchError } from "../core/errors.ts";
import { isAddress, isInNetwork } from "./address.ts";

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

/** Looks up an environment variable. */
export type Env = (name: string) => string | undefined;

/**
 * The variable that names a proxy for a URL.
 *
 * @returns Its name, or null if the request is sent directly. The value may contain a password and
 * must not be shown.
 */
export function proxyVariable(url: URL, env: Env): string | null {
  const found = (BY_PROTOCOL[url.protocol] ?? [])
    .flatMap((name) => [name.toLowerCase(), name])
    .find((name) => (env(name) ?? "") !== "");
  if (found === undefined) return null;
  return isExempt(url, env("no_proxy") ?? env("NO_PROXY")) ? null : found;
}

/**
 * Whether Deno's `fetch` sends requests for a URL directly even if it is given a proxy. It reads
 * `NO_PROXY` by itself, and in the other order.
 */
export function isExemptByFetch(url: URL, env: Env): boolean {
  return isExempt(url, env("NO_PROXY") ?? env("no_proxy"));
}

function isExempt(url: URL, exceptions = ""): boolean {
  return exceptions.split(/[\s,]+/).some((entry) => excepts(entry.toLowerCase(), url));
}

/**
 * Whether an entry of NO_PROXY matches a URL, as in curl: `*`, a name and all names below it, with
 * or without a leading dot, an address, or a range of addresses in CIDR notation. A port restricts
 * the entry to it.
 */
function excepts(entry: string, { protocol, hostname, port }: URL): boolean {
  if (entry === "" || entry === "*") return entry === "*";
  const [, name = entry, entryPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (entryPort !== undefined && entryPort !== (port || (protocol === "https:" ? "443" : "80"))) {
    return false;
  }
  const host = withoutDotsAndBrackets(hostname);
  const domain = withoutDotsAndBrackets(name);
  if (isAddress(host)) return isInNetwork(host, domain);
  return domain !== "" && (host === domain || host.endsWith(`.${domain}`));
}

/** Without the brackets of an IPv6 address, and the dots around a name. */
function withoutDotsAndBrackets(name: string): string {
  return name.replace(/^[[.]|[\].]$/g, "");
}

/** A proxy that our client can use. */
export interface HttpProxy {
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** `name:port`, for messages. */
  readonly name: string;
  /** Value of Proxy-Authorization (RFC 7617), or null. */
  readonly authorization: string | null;
}

/** The way to a server. */
export type ProxyChoice =
  | { readonly kind: "direct" }
  | { readonly kind: "http"; readonly url: string; readonly proxy: HttpProxy }
  /** Only `fetch` can use it: SOCKS, or TLS to the proxy. `name` is for messages. */
  | { readonly kind: "fetch"; readonly url: string; readonly name: string };

/** Schemes of proxies. Deno ignores a variable with another one, and connects directly. */
const SCHEMES: ReadonlySet<string> = new Set(["http:", "https:", "socks5:", "socks5h:"]);

/**
 * Chooses the way to a server.
 *
 * @param setting URL of a proxy, `"direct"`, or null for that of the environment.
 * @throws {CronfetchError} `net.failed` if the proxy is no URL of a known scheme.
 */
export function chooseProxy(origin: string, setting: string | null, env: Env): ProxyChoice {
  const variable = setting === null ? proxyVariable(new URL(origin), env) : null;
  const text = variable === null ? setting : env(variable) ?? null;
  if (text === null || text === "direct") return { kind: "direct" };
  // curl and Deno accept a name and a port without a scheme.
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url === null || !SCHEMES.has(url.protocol) || url.hostname === "") {
    const where = variable === null ? "of the config" : `in ${variable}`;
    throw new CronfetchError(
      "net.failed",
      `the proxy ${where} is not a URL with http, https, socks5 or socks5h`,
      { retry: "never" },
    );
  }
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const name = `${url.hostname}:${port}`;
  if (url.protocol !== "http:") return { kind: "fetch", url: url.href, name };
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const hasUserinfo = url.username !== "" || url.password !== "";
  const authorization = hasUserinfo ? basicAuthorization(url) : null;
  return { kind: "http", url: url.href, proxy: { hostname, port, name, authorization } };
}

/** The value of an authorization header for the userinfo of a URL (RFC 7617). */
export function basicAuthorization({ username, password }: URL): string {
  const pair = `${decodeUserinfo(username)}:${decodeUserinfo(password)}`;
  return `Basic ${new TextEncoder().encode(pair).toBase64()}`;
}

function decodeUserinfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A "%" that starts no escape is literal.
    return text;
  }
}
