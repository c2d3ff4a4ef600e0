/**
 * The egress rule: no public host may lead requests into a private network.
 *
 * A private host that the config names is intended, and so is whatever it redirects to. A public
 * host may lead to public addresses only, by a redirect or by what its name resolves to. The rule
 * has two parts: `admit` decides by the URL, before anything is resolved; where it requires a public
 * address, the transport judges the address, before a byte is sent.
 */

import ipaddr from "ipaddr.js";
import { CronfetchError } from "../core/errors.ts";

/** Names that by convention or standard mean a machine nearby (RFC 6761, RFC 6762, RFC 8375). */
const PRIVATE_NAMES = /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa)\.?$/;

/** The block in which VPN and proxy clients answer for every name (RFC 2544 meant it for tests). */
const FAKE_ADDRESSES = ipaddr.IPv4.parseCIDR("198.18.0.0/15");

/** `::1.2.3.4`, of the obsolete ::/96; ipaddr.js reads it as IPv4-mapped. */
const IPV4_COMPATIBLE = /^::[0-9]+\./;
/** All of IPv6 that is assigned to the public internet so far (RFC 4291, section 2.4). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** Local-use translation (RFC 8215): the IPv4 address inside is in a private network's hands. */
const LOCAL_NAT64 = ipaddr.IPv6.parseCIDR("64:ff9b:1::/48");

/**
 * Whether an address is outside the public internet: private, loopback, link-local, shared,
 * multicast, reserved, unassigned, or a transition address that stands for one of these. Text that
 * is no address is treated as private.
 *
 * @param address IPv4 or IPv6, without brackets.
 */
export function isPrivateAddress(address: string): boolean {
  if (!ipaddr.isValid(address) || IPV4_COMPATIBLE.test(address)) return true;
  // An IPv4-mapped address is the IPv4 address.
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (parsed instanceof ipaddr.IPv4) return range !== "unicast";
  const bytes = parsed.toByteArray();
  // NAT64 (RFC 6052) has the IPv4 address at the end, 6to4 (RFC 3056) behind its first two bytes.
  if (range === "rfc6052") return parsed.match(LOCAL_NAT64) || isPrivateBytes(bytes.slice(12));
  if (range === "6to4") return isPrivateBytes(bytes.slice(2, 6));
  return range !== "unicast" || !parsed.match(GLOBAL_UNICAST);
}

function isPrivateBytes(bytes: number[]): boolean {
  return isPrivateAddress(ipaddr.fromByteArray(bytes).toString());
}

/** Where a host is; a `name` may be anywhere. */
export type HostKind = "public" | "private" | "name";

/**
 * What a URL's host name says about where it is, before it is resolved.
 *
 * @param hostname As `URL` gives it: lower-case, IPv6 in brackets, odd spellings of IPv4 resolved.
 */
export function hostKind(hostname: string): HostKind {
  const address = hostname.replace(/^\[|\]$/g, "");
  if (ipaddr.isValid(address)) return isPrivateAddress(address) ? "private" : "public";
  return PRIVATE_NAMES.test(hostname) || !hostname.replace(/\.$/, "").includes(".")
    ? "private"
    : "name";
}

/**
 * Decides by a URL whether it may be requested.
 *
 * @param previous The URL that redirected to it, or null.
 * @returns Whether the request may go to a public address only.
 * @throws {CronfetchError} `redirect.private`.
 */
export type Admit = (url: URL, previous: URL | null) => boolean;

/** Makes the {@linkcode Admit} of a run, which remembers what it decided about host names. */
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

/** What a private address of a public name means, for people. */
export function describePrivate(hostname: string, address: string): string {
  const found = `the public name ${hostname} resolves to the private address ${address}`;
  return isFake(address)
    ? `${found}, as the resolver of a VPN or proxy client answers for every name; ` +
      "if one runs here, use --allow-private, or name its proxy in HTTP_PROXY and HTTPS_PROXY"
    : found;
}

function isFake(address: string): boolean {
  const parsed = ipaddr.isValid(address) ? ipaddr.process(address) : null;
  return parsed instanceof ipaddr.IPv4 && parsed.match(FAKE_ADDRESSES);
}

/** The refusal of a private address that a public name has. */
export function privateAddress(hostname: string, address: string): CronfetchError {
  return new CronfetchError("redirect.private", describePrivate(hostname, address));
}

function privateHost(hostname: string): CronfetchError {
  return new CronfetchError("redirect.private", `${hostname} is in a private network`);
}

/**
 * Makes the look-up for requests whose connection cannot be judged: by `fetch`, without a proxy. A
 * name that was resolved is not resolved again in a run; one that was not is, the next time.
 *
 * @param resolve Addresses of a host name.
 * @returns Rejects with `redirect.private`, `net.dns` or `net.failed` for a host that must not be
 * requested.
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
    let looking = found.get(hostname);
    if (!looking) {
      looking = lookup(hostname);
      found.set(hostname, looking);
      looking.catch(() => found.delete(hostname));
    }
    const address = await looking;
    if (address !== null) throw privateAddress(hostname, address);
  };
}

/** Whether a resolver had no address for a name; anything else means that there is no resolver. */
function isUnknownName(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && "code" in error && typeof error.code === "string" &&
      /^(?:ENOTFOUND|ENODATA|EAI_|ESERVFAIL|ETIMEOUT)/.test(error.code));
}

/** Whether Deno itself forbade a look-up, which in what it takes over from Node shows as EPERM. */
export function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable ||
    (error instanceof Error && "code" in error && error.code === "EPERM");
}

/** Without a look-up the rule could not be applied. */
function lookupDenied(hostname: string, cause: unknown): CronfetchError {
  return new CronfetchError(
    "net.failed",
    `Deno was not allowed to look up ${hostname}; grant net access to the name without a port`,
    { cause, retry: "never" },
  );
}
