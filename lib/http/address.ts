/** IP addresses: which are private, and which are in a network. */

import ipaddr from "ipaddr.js";

/** VPN and proxy clients resolve every name into this block (reserved for tests by RFC 2544). */
const FAKE_ADDRESSES = ipaddr.IPv4.parseCIDR("198.18.0.0/15");

/** `::1.2.3.4`, of the obsolete ::/96, which ipaddr.js parses as IPv4-mapped. */
const IPV4_COMPATIBLE = /^::[0-9]+\./;
/** All of IPv6 that is assigned to the public internet so far (RFC 4291, section 2.4). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");
/** Local-use translation (RFC 8215): a private network chooses the IPv4 address inside. */
const LOCAL_NAT64 = ipaddr.IPv6.parseCIDR("64:ff9b:1::/48");

/**
 * Whether an address is outside the public internet: private, loopback, link-local, shared,
 * multicast, reserved, unassigned, or a transition address that contains one of these. Text that
 * is not an address counts as private.
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

/** Whether text is an IPv4 or IPv6 address, without brackets. */
export function isAddress(text: string): boolean {
  return ipaddr.isValid(text);
}

/** Whether an address is one of those that VPN and proxy clients return for every name. */
export function isFakeAddress(address: string): boolean {
  const parsed = ipaddr.isValid(address) ? ipaddr.process(address) : null;
  return parsed instanceof ipaddr.IPv4 && parsed.match(FAKE_ADDRESSES);
}

/**
 * Whether an address is in a network.
 *
 * @param address IPv4 or IPv6, without brackets.
 * @param network An address, or a range in CIDR notation. Anything else contains no address.
 */
export function isInNetwork(address: string, network: string): boolean {
  const parsed = ipaddr.process(address);
  if (ipaddr.isValid(network)) return ipaddr.process(network).toString() === parsed.toString();
  if (!ipaddr.isValidCIDR(network)) return false;
  const range = ipaddr.parseCIDR(network);
  return range[0].kind() === parsed.kind() && parsed.match(range);
}
