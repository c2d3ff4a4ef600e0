/** Rules for hosts: which settings of the config apply to a server. Pure. */

import { type ConnectionSettings, DEFAULT_SETTINGS } from "./http.ts";

/** The hosts that a rule applies to. */
export interface HostPattern {
  /**
   * A name or an address, as `URL` writes it, without a dot at its end; with `isWildcard`, the parent
   * domain.
   */
  readonly name: string;
  /** Whether it matches every name below `name`, at any depth, but not `name` itself. */
  readonly isWildcard: boolean;
  /** Null for every port. */
  readonly port: number | null;
}

/** What a rule sets. An absent field is left to the less specific rules, and to the defaults. */
export interface HostSettings extends Partial<ConnectionSettings> {
  /** Concurrent tasks at each host; at least 1. */
  readonly perHost?: number;
  /** Milliseconds between two starts at each host. */
  readonly spacingMs?: number;
}

/** An entry of `hosts` in the config. */
export interface HostRule {
  readonly pattern: HostPattern;
  readonly settings: HostSettings;
}

/** The settings of a server. */
export type ServerSettings = ConnectionSettings & Pick<HostSettings, "perHost" | "spacingMs">;

/**
 * Finds the settings of a server: of the rules that match it, the most specific one that sets a
 * field decides that field.
 *
 * @param rules In the order of {@linkcode compareHostPatterns}.
 * @param url Absolute; only its origin counts.
 * @returns All connection settings; `perHost` and `spacingMs` only if a rule sets them.
 */
export function serverSettings(rules: readonly HostRule[], url: string): ServerSettings {
  const { hostname, port: portText, protocol } = new URL(url);
  const name = withoutFinalDot(hostname);
  const port = portText === "" ? (protocol === "https:" ? 443 : 80) : Number(portText);
  const matching = rules.filter(({ pattern }) => matches(pattern, name, port));
  return Object.assign(
    { ...DEFAULT_SETTINGS },
    ...matching.toReversed().map(({ settings }) => settings),
  );
}

/**
 * Orders patterns that match the same server, the most specific one first: a name before a
 * wildcard, a longer wildcard before a shorter one, with a port before without.
 */
export function compareHostPatterns(one: HostPattern, other: HostPattern): number {
  return Number(one.isWildcard) - Number(other.isWildcard) ||
    other.name.length - one.name.length ||
    Number(one.port === null) - Number(other.port === null);
}

/** The name of a host without the dot that marks it as fully qualified (RFC 1034, section 3.1). */
export function withoutFinalDot(hostname: string): string {
  return hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
}

function matches(pattern: HostPattern, name: string, port: number): boolean {
  if (pattern.port !== null && pattern.port !== port) return false;
  return pattern.isWildcard ? name.endsWith(`.${pattern.name}`) : name === pattern.name;
}
