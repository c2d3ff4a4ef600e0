/** Whether the hosts of a config can be found, and the egress rule lets a run connect to them. */

import { abortable } from "@std/async";
import { variable } from "../config/variables.ts";
import type { Host } from "../core/host.ts";
import { proxyVariable } from "../core/proxy.ts";
import type { Task } from "../core/task.ts";
import { describePrivate, hostKind, isDenied, privateAmong } from "../http/egress.ts";
import { gather } from "../schedule/pool.ts";
import { type Finding, reasonOf } from "./finding.ts";
import { isAddress, urlsOf } from "./permissions.ts";

/** Names looked up at once. */
const AT_ONCE = 16;

/** How long one name may take, in milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * Looks up each host once, several at a time. Nothing is connected to.
 *
 * @param tasks Whose URLs will be requested.
 * @returns A finding for each host, in the order of the URLs.
 * @throws The signal's reason.
 */
export async function checkHosts(
  tasks: readonly Task[],
  host: Host,
  signal: AbortSignal,
): Promise<Finding[]> {
  // The same name may be requested through a proxy and without one.
  const origins = new Map<string, Destination>();
  for (const task of tasks) {
    for (const url of urlsOf(task)) {
      const origin = `${url.protocol}//${url.hostname}`;
      const known = origins.get(origin);
      const publicOnly = !task.allowPrivate || known?.publicOnly === true;
      origins.set(origin, { url, publicOnly });
    }
  }
  const findings = new Map<Destination, Finding>();
  await gather(origins.values(), {
    limits: { concurrency: AT_ONCE, perHost: AT_ONCE, spacingMs: 0 },
    groupOf: () => "",
    work: async (destination) => {
      const finding = await checkHost(destination, host, signal);
      findings.set(destination, { check: "host", ...finding });
    },
    signal,
    clock: host.clock,
    timers: host.timers,
  });
  signal.throwIfAborted();
  return [...origins.values()].flatMap((destination) => findings.get(destination) ?? []);
}

/** A host that a run connects to. */
interface Destination {
  readonly url: URL;
  /** Whether the egress rule applies to it. */
  readonly publicOnly: boolean;
}

async function checkHost(
  { url, publicOnly }: Destination,
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
    const address = privateAmong(addresses);
    if (publicOnly && hostKind(hostname) === "name" && address !== null) {
      return { verdict: "wrong", message: describePrivate(hostname, address) };
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
