/**
 * The egress rule: a public host must not redirect or resolve to a private address.
 *
 * A private host in the config is intended, and so are its redirects. The rule has two parts:
 * {@linkcode Admit} checks the URL before it is resolved; if it requires a public address, the
 * transport checks the address before a byte is sent.
 */

import { CronfetchError } from "../core/errors.ts";
import { isAddress, isFakeAddress, isPrivateAddress } from "./address.ts";

/** Names of private networks, by standard or convention (RFC 6761, RFC 6762, RFC 8375). */
const PRIVATE_NAMES = /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa)\.?$/;

/** Location of a host; that of a `name` is unknown before it is resolved. */
export type HostKind = "public" | "private" | "name";

/**
 * Classifies the host name of a URL without resolving it.
 *
 * @param hostname As parsed by `URL`: lower-case, IPv6 in brackets, IPv4 normalized.
 */
export function hostKind(hostname: string): HostKind {
  const address = hostname.replace(/^\[|\]$/g, "");
  if (isAddress(address)) return isPrivateAddress(address) ? "private" : "public";
  return PRIVATE_NAMES.test(hostname) || !hostname.replace(/\.$/, "").includes(".")
    ? "private"
    : "name";
}

/**
 * Checks whether a URL may be requested.
 *
 * @param previous The URL that redirected to it, or null.
 * @returns Whether the server must have a public address.
 * @throws {CronfetchError} `redirect.private`.
 */
export type Admit = (url: URL, previous: URL | null) => boolean;

/** Creates the {@linkcode Admit} of a run, which caches the kinds of host names. */
export function createAdmit(): Admit {
  const kinds = new Map<string, HostKind>();
  const kindOf = ({ hostname }: URL): HostKind => {
    const known = kinds.get(hostname);
    if (known !== undefined) return known;
    const kind = hostKind(hostname);
    kinds.set(hostname, kind);
    return kind;
  };
  return (url, previous) => {
    if (kindOf(previous ?? url) === "private") return false;
    if (kindOf(url) === "private") throw privateHost(url.hostname);
    return true;
  };
}

/**
 * The first private address among those of a host, or null.
 *
 * @param addresses IPv4 or IPv6, without brackets.
 */
export function privateAmong(addresses: readonly string[]): string | null {
  return addresses.find(isPrivateAddress) ?? null;
}

/** Describes a private address of a public name in a message. */
export function describePrivate(hostname: string, address: string): string {
  const found = `the public name ${hostname} resolves to the private address ${address}`;
  return isFakeAddress(address)
    ? `${found}, which VPN and proxy clients return for every name; ` +
      "if one is running, use --allow-private, or set HTTP_PROXY and HTTPS_PROXY to its proxy"
    : found;
}

/** The error for a private address of a public name. */
export function privateAddress(hostname: string, address: string): CronfetchError {
  return new CronfetchError("redirect.private", describePrivate(hostname, address));
}

function privateHost(hostname: string): CronfetchError {
  return new CronfetchError("redirect.private", `${hostname} is in a private network`);
}

/**
 * Creates the check for requests whose connected address is unknown: by `fetch`, without a proxy.
 * A name is resolved once per run, or again after a failure.
 *
 * @param resolve Returns the addresses of a host name.
 * @returns A function that rejects with `redirect.private`, `net.dns` or `net.failed` for a host
 * that must not be requested.
 */
export function createLookup(
  resolve: (hostname: string) => Promise<readonly string[]>,
): (hostname: string) => Promise<void> {
  const found = new Map<string, Promise<string | null>>();

  const lookup = async (hostname: string): Promise<string | null> => {
    try {
      return privateAmong(await resolve(hostname));
    } catch (error) {
      if (isDenied(error)) throw lookupDenied(hostname, error);
      if (!isUnknownName(error)) return null;
      throw new CronfetchError("net.dns", "the host name could not be resolved", { cause: error });
    }
  };

  return async (hostname) => {
    if (hostKind(hostname) !== "name") return;
    let pending = found.get(hostname);
    if (!pending) {
      pending = lookup(hostname);
      found.set(hostname, pending);
      pending.catch(() => found.delete(hostname));
    }
    const address = await pending;
    if (address !== null) throw privateAddress(hostname, address);
  };
}

/** Whether the resolver found no address. Other errors mean that there is no resolver. */
function isUnknownName(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && "code" in error && typeof error.code === "string" &&
      /^(?:ENOTFOUND|ENODATA|EAI_|ESERVFAIL|ETIMEOUT)/.test(error.code));
}

/** Whether Deno denied a look-up; its Node API reports that as EPERM. */
export function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable ||
    (error instanceof Error && "code" in error && error.code === "EPERM");
}

/** Without resolving the name, the rule cannot be applied. */
function lookupDenied(hostname: string, cause: unknown): CronfetchError {
  return new CronfetchError(
    "net.failed",
    `Deno was not allowed to look up ${hostname}; grant net access to the name without a port`,
    { cause, retry: "never" },
  );
}
