/** The egress rule: no public host may lead us into a private network. */

import ipaddr from "ipaddr.js";
import { CronfetchError } from "../core/errors.ts";

/** Names that by convention or standard mean a machine nearby (RFC 6761, RFC 6762, RFC 8375). */
const PRIVATE_NAMES = /(^|\.)(localhost|local|internal|intranet|lan|home\.arpa)\.?$/;

/**
 * Whether an address is outside the public internet: private, loopback,
 * link-local, shared, multicast, reserved, or a transition address that stands
 * for one of these.
 *
 * @param address IPv4 or IPv6, without brackets.
 */
export function isPrivateAddress(address: string): boolean {
  const parsed = ipaddr.process(address);
  const range = parsed.range();
  if (range === "rfc6052" && parsed instanceof ipaddr.IPv6) {
    // How networks with IPv6 alone reach IPv4: the last four bytes are the address meant.
    return isPrivateAddress(ipaddr.fromByteArray(parsed.toByteArray().slice(12)).toString());
  }
  return range !== "unicast";
}

/** Where a host is; a `name` may be anywhere. */
export type HostKind = "public" | "private" | "name";

/**
 * What a URL's host name says about where it is, before anybody resolves it.
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
 * Makes the check that stands before every request of a run.
 *
 * A private host that the config names is meant, and so is whatever it
 * redirects to. A public one may lead to public ones only, be it by a redirect
 * or by what its name resolves to. A name is resolved once a run; one that
 * cannot be resolved is left to `fetch`, which may reach it by a proxy.
 *
 * @param resolve Addresses of a host name.
 * @returns The check: null for a URL that may be asked, where nobody has to be asked for that;
 * else a promise, which rejects with `redirect.private` or `net.failed`.
 */
export function createAdmission(
  resolve: (hostname: string) => Promise<readonly string[]>,
): (url: URL, previous: URL | null) => Promise<void> | null {
  const resolved = new Map<string, Promise<boolean>>();
  const kinds = new Map<string, HostKind>();

  const kindOf = ({ hostname }: URL): HostKind => {
    const known = kinds.get(hostname);
    if (known !== undefined) return known;
    const kind = hostKind(hostname);
    kinds.set(hostname, kind);
    return kind;
  };

  const resolvesToPrivate = (hostname: string): Promise<boolean> => {
    let answer = resolved.get(hostname);
    if (!answer) {
      answer = resolve(hostname).then(
        (addresses) => addresses.some(isPrivateAddress),
        (error) => {
          if (isDenied(error)) throw lookupDenied(hostname, error);
          return false;
        },
      );
      resolved.set(hostname, answer);
    }
    return answer;
  };

  const check = async (url: URL, previous: URL | null) => {
    const kind = kindOf(url);
    const isPrivate = kind === "private" ||
      (kind === "name" && await resolvesToPrivate(url.hostname));
    if (!isPrivate) return;
    throw new CronfetchError(
      "redirect.private",
      previous
        ? `a redirect from the public host ${previous.hostname} into a private network (${url.hostname})`
        : `the public name ${url.hostname} resolves into a private network`,
    );
  };

  return (url, previous) => {
    // Who was meant to be private, and whatever that leads to.
    return kindOf(previous ?? url) === "private" ? null : check(url, previous);
  };
}

/** Whether Deno itself forbade a look-up, which in what it takes over from Node shows as EPERM. */
export function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable ||
    (error instanceof Error && "code" in error && error.code === "EPERM");
}

/** Without a look-up the rule could not be kept, and that must not go unnoticed. */
function lookupDenied(hostname: string, cause: unknown): CronfetchError {
  return new CronfetchError(
    "net.failed",
    `Deno was not allowed to look up ${hostname}; grant net access to the name without a port`,
    { cause, retry: "never" },
  );
}
