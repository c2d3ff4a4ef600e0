/** Whether the hosts of a config can be found. */

import { abortable } from "@std/async";
import { variable } from "../config/environment.ts";
import type { Host } from "../core/host.ts";
import { proxyVariable } from "../core/proxy.ts";
import { isDenied } from "../download/egress.ts";
import { gather } from "../schedule/pool.ts";
import { type Finding, reasonOf } from "./finding.ts";
import { isAddress } from "./permissions.ts";

/** Names looked up at once. */
const AT_ONCE = 16;

/** How long one name may take, in milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * Looks up each host once, several at a time. Nothing is connected to.
 *
 * @param urls What will be asked.
 * @returns A finding for each host, in the order of the URLs.
 * @throws The signal's reason.
 */
export async function checkHosts(
  urls: readonly URL[],
  host: Host,
  signal: AbortSignal,
): Promise<Finding[]> {
  // The same name may be asked by a proxy and without one.
  const origins = new Map(urls.map((url) => [`${url.protocol}//${url.hostname}`, url]));
  const findings = new Map<URL, Finding>();
  await gather(origins.values(), {
    limits: { concurrency: AT_ONCE, perHost: AT_ONCE, spacingMs: 0 },
    groupOf: () => "",
    work: async (url) => {
      findings.set(url, { check: "host", ...await checkHost(url, host, signal) });
    },
    signal,
    clock: host.clock,
    timers: host.timers,
  });
  signal.throwIfAborted();
  return [...origins.values()].flatMap((url) => findings.get(url) ?? []);
}

async function checkHost(
  url: URL,
  host: Host,
  signal: AbortSignal,
): Promise<Omit<Finding, "check">> {
  const { hostname } = url;
  const proxy = proxyVariable(url, (name) => variable(name, host));
  if (proxy !== null) {
    const message = `${hostname} is asked by the proxy that ${proxy} names; not looked up here`;
    return { verdict: "note", message };
  }
  if (isAddress(hostname)) return { verdict: "good", message: `${hostname} is an address` };
  try {
    const addresses = await inTime(host.resolve(hostname), host, signal);
    if (addresses === null) {
      const message = `looking up ${hostname} took more than ${PATIENCE_MS / 1000} seconds`;
      return { verdict: "wrong", message };
    }
    return { verdict: "good", message: `${hostname} is ${addresses.join(", ")}` };
  } catch (error) {
    signal.throwIfAborted();
    if (isDenied(error)) {
      const message = `Deno may not look up ${hostname}; --allow-net=${hostname} lets it`;
      return { verdict: "note", message };
    }
    return { verdict: "wrong", message: `${hostname} cannot be looked up: ${reasonOf(error)}` };
  }
}

/** What a promise comes to, or null if that takes too long. */
async function inTime<T>(
  promise: Promise<T>,
  { timers }: Pick<Host, "timers">,
  signal: AbortSignal,
): Promise<T | null> {
  const late = Promise.withResolvers<null>();
  const cancel = timers.after(PATIENCE_MS, () => late.resolve(null));
  try {
    return await abortable(Promise.race([promise, late.promise]), signal);
  } finally {
    cancel();
  }
}
