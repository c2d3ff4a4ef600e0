/** What `doctor` finds out, one thing at a time. */

import { abortable } from "@std/async";
import { variable } from "../../config/variables.ts";
import type { Host } from "../../core/host.ts";
import { proxyVariable } from "../../core/proxy.ts";
import { withTimeout } from "../../core/retry.ts";
import type { Task } from "../../core/task.ts";
import { errorMessage } from "../../core/text.ts";
import { describePrivate, hostKind, isDenied, privateAmong } from "../../http/egress.ts";
import { gather } from "../../schedule/pool.ts";
import { isAddress, urlsOf } from "./permissions.ts";
import { dirname, join, resolve } from "@std/path";
import type { Config } from "../../config/config.ts";
import { CronfetchError } from "../../core/errors.ts";
import { locationText, stateFile } from "../../core/location.ts";
import { plural } from "../../report/format.ts";
import { openState } from "../../state/open.ts";
import { openStore } from "../../store/open.ts";
import type { Sealed, StatCache, Store } from "../../store/store.ts";
import { isAbsent } from "../recall.ts";

/** What was looked at. */
export type Check =
  | "config"
  | "secrets"
  | "store"
  | "state"
  | "host"
  | "alerts"
  | "schedule"
  | "permissions";

/** One thing found out. */
export interface Finding {
  /** What was looked at. */
  readonly check: Check;
  /** `note` is worth knowing, and nothing is wrong. */
  readonly verdict: "good" | "note" | "wrong";
  /** One sentence for people, without a full stop and without a secret. */
  readonly message: string;
}

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
    const addresses = await withTimeout(
      host.timers,
      PATIENCE_MS,
      () => abortable(host.resolve(hostname), signal),
      () => new Error(`it took more than ${PATIENCE_MS / 1000} seconds`),
    );
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
    return { verdict: "wrong", message: `${hostname} cannot be looked up: ${errorMessage(error)}` };
  }
}

/** Looks for the program of each alert that is a command, once each. */
export async function checkPrograms(
  { alerts }: Pick<Config, "alerts">,
  host: Pick<Host, "env" | "cwd">,
): Promise<Finding[]> {
  const names = alerts.flatMap((alert) => alert.kind === "command" ? [alert.command[0]] : []);
  return await Promise.all([...new Set(names)].map((name) => checkProgram(name, host)));
}

async function checkProgram(name: string, host: Pick<Host, "env" | "cwd">): Promise<Finding> {
  const places = placesOf(name, host);
  const found = places === null ? null : await firstProgram(places);
  if (places !== null && found === null) {
    const message = `the command ${name} is not there: no alert can be given to it`;
    return { check: "alerts", verdict: "wrong", message };
  }
  // Deno knows a command that is granted by the path it is found at, if it is granted at all.
  const { state } = await Deno.permissions.query({ name: "run", command: name });
  if (state !== "granted") {
    const message = `the command ${name} may not be run: that needs --allow-run=${name}`;
    return { check: "alerts", verdict: "wrong", message };
  }
  const message = found === null ? `the command ${name} may be run` : `the command is ${found}`;
  return { check: "alerts", verdict: "good", message };
}

/** Where a program can be, in the order in which it is looked for; null where nobody can tell. */
function placesOf(name: string, host: Pick<Host, "env" | "cwd">): string[] | null {
  const isWindows = Deno.build.os === "windows";
  if (name.includes("/") || (isWindows && name.includes("\\"))) {
    return endings(resolve(host.cwd(), name), host);
  }
  const path = variable("PATH", host);
  if (path === undefined) return null;
  return path.split(isWindows ? ";" : ":")
    .flatMap((folder) => endings(join(resolve(host.cwd(), folder), name), host));
}

/** Windows finds `mail` where `mail.exe` is. */
function endings(path: string, host: Pick<Host, "env">): string[] {
  const more = Deno.build.os === "windows" ? variable("PATHEXT", host)?.split(";") ?? [] : [];
  return [path, ...more.map((ending) => path + ending)];
}

async function firstProgram(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) if (await isProgram(path)) return path;
  return null;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    // Windows has no such bits.
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}

/**
 * Publishes a tiny file in the store under a name of its own, reads it and
 * removes it.
 *
 * @returns What came of it; a store that cannot be used is a finding, too.
 */
export async function checkStore(
  config: Config,
  host: Host,
  signal: AbortSignal,
): Promise<Finding> {
  const location = locationText(config.store);
  const folder = config.store.kind === "folder" ? config.store.path : null;
  const absent = folder !== null && await isAbsent(folder);
  let conditional = true;
  try {
    await withoutTrace(folder, async () => {
      await using store = await openStore(config.store, { sync: config.sync }, host);
      using _heeding = store.abortOn(signal);
      conditional = await tryStore(store, `cronfetch-doctor-${host.random.name()}`);
    });
    const message = absent
      ? `${location} is not there yet; the first run makes it`
      : `${location} can be written to, and read`;
    if (folder === null && !conditional) {
      const lack = "its server takes no notice of conditions, so the last of two at once wins";
      return { check: "store", verdict: "note", message: `${message}; ${lack}` };
    }
    return { check: "store", verdict: "good", message };
  } catch (error) {
    const message = `${location} cannot be used: ${errorMessage(error)}`;
    return { check: "store", verdict: "wrong", message };
  }
}

/**
 * Publishes a file, reads it, tries to publish another over it as if nothing were
 * there, and removes it.
 *
 * @returns Whether the second one was refused.
 */
async function tryStore(store: Store, key: string): Promise<boolean> {
  // First what tells best what is wrong: other requests get no reason for a refusal.
  for await (const _file of store.list("cronfetch-doctor")) break;
  const { sha256 } = await publishText(store, key, "a");
  try {
    const found = await store.digest(key, new AbortController().signal);
    if (found !== sha256) throw new Error("what was written cannot be read again");
    const nothing = { get: () => Promise.resolve(null), ready: () => Promise.resolve() };
    return await publishText(store, key, "b", nothing).then(() => false, isConflict);
  } finally {
    await store.remove(key);
  }
}

async function publishText(
  store: Store,
  key: string,
  text: string,
  statCache?: StatCache,
): Promise<Sealed> {
  await using draft = await store.draft(key, statCache ? { statCache } : {});
  await draft.write(new TextEncoder().encode(text));
  const sealed = await draft.seal();
  await draft.publish();
  return sealed;
}

function isConflict(error: unknown): boolean {
  if (error instanceof CronfetchError && error.code === "store.conflict") return true;
  throw error;
}

/**
 * Opens the state and reads it. One that is not there yet is not made: only its
 * folder is tried.
 */
export async function checkState(config: Config, host: Host): Promise<Finding> {
  const path = stateFile(config.state);
  try {
    if (path !== null && await isAbsent(path)) {
      await tryFolder(dirname(path), host);
      const message = `${locationText(config.state)} is not there yet; the first run makes it`;
      return { check: "state", verdict: "good", message };
    }
    await using state = await openState(config.state, host);
    const { size } = await state.allRecords();
    const message = `${state.location} remembers ${plural(size, "task")}`;
    if (state.durable) return { check: "state", verdict: "good", message };
    const forgetful = `${state.location} is forgotten after each run: every file is fetched whole`;
    return { check: "state", verdict: "note", message: forgetful };
  } catch (error) {
    return { check: "state", verdict: "wrong", message: errorMessage(error) };
  }
}

/** Makes an empty file in a folder, and takes it away again. */
async function tryFolder(folder: string, host: Pick<Host, "random">): Promise<void> {
  const path = join(folder, `.cronfetch-${host.random.name()}`);
  await withoutTrace(folder, async () => {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(path, new Uint8Array(), { createNew: true });
    await Deno.remove(path);
  });
}

/** Does what makes a folder, and takes away the folders that were not there before. */
async function withoutTrace(folder: string | null, work: () => Promise<void>): Promise<void> {
  const made = folder === null ? [] : await absentFolders(folder);
  try {
    await work();
  } finally {
    // A folder that is not empty by now is in use, and stays, as do those above.
    for (const path of made) await Deno.remove(path).catch(() => {});
  }
}

/** A folder and those above it that do not exist, the deepest first. */
async function absentFolders(folder: string): Promise<string[]> {
  if (dirname(folder) === folder || !await isAbsent(folder)) return [];
  return [folder, ...await absentFolders(dirname(folder))];
}
