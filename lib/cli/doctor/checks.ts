/** The checks of `doctor`. */

import { findStoreFault } from "../../worker/store_fault.ts";
import { abortable } from "@std/async";
import { dirname, join, resolve } from "@std/path";
import type { Config } from "../../config/config.ts";
import { variable } from "../../config/variables.ts";
import { CronfetchError, ERROR_CODES, hintFor } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import { serverSettings } from "../../core/host_rules.ts";
import { locationText, stateFile } from "../../core/location.ts";
import { withTimeout } from "../../core/time.ts";
import type { Task } from "../../core/task.ts";
import { errorMessage } from "../../core/text.ts";
import { describePrivate, hostKind, isDenied, privateAmong } from "../../http/egress.ts";
import { proxyVariable } from "../../http/proxy.ts";
import { plural } from "../../report/format.ts";
import { gather } from "../../schedule/pool.ts";
import { openState } from "../../state/open.ts";
import { openStore } from "../../store/open.ts";
import type { Sealed, Store } from "../../store/store.ts";
import { isAbsent, storeOptions } from "../../worker/storage.ts";
import { probeServer } from "./bucket.ts";
import { hooksOf, isAddress, urlsOf } from "./permissions.ts";

/** What is checked. */
export type DoctorCheck =
  | "config"
  | "secrets"
  | "store"
  | "server"
  | "state"
  | "auth"
  | "host"
  | "alerts"
  | "transform"
  | "onChange"
  | "schedule"
  | "permissions";

/** The result of one check. */
export interface CheckResult {
  readonly check: DoctorCheck;
  /** `note` is a hint, not a problem. */
  readonly verdict: "good" | "note" | "wrong";
  /** A sentence without a full stop. May contain secrets; the caller redacts them. */
  readonly message: string;
  /** What to do, a clause in the imperative; absent if there is nothing to do. */
  readonly hint?: string;
}

/** Names resolved concurrently. */
const AT_ONCE = 16;

/** Time limit for one name, in milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * Resolves the host of each URL once, without connecting to it.
 *
 * @param tasks The tasks with these URLs.
 * @param hosts Settings by host.
 * @returns One result per host, in the order of the URLs.
 * @throws The signal's reason.
 */
export async function checkDns(
  tasks: readonly Task[],
  hosts: Config["hosts"],
  host: Host,
  signal: AbortSignal,
): Promise<CheckResult[]> {
  // Keyed by scheme and proxy too, because a proxy may be set for one scheme or port only.
  const origins = new Map<string, Destination>();
  for (const task of tasks) {
    for (const url of urlsOf(task)) {
      const proxy = proxyFor(url, hosts, host);
      const origin = `${url.protocol}//${url.hostname} ${proxy}`;
      const known = origins.get(origin);
      const publicOnly = !task.allowPrivate || known?.publicOnly === true;
      origins.set(origin, { url, proxy, publicOnly });
    }
  }
  const results = new Map<Destination, CheckResult>();
  await gather(origins.values(), {
    limits: { concurrency: AT_ONCE, perHost: AT_ONCE, spacingMs: 0 },
    groupOf: () => "",
    work: async (destination) => {
      const result = await checkHost(destination, host, signal);
      results.set(destination, { check: "host", ...result });
    },
    signal,
    clock: host.clock,
    timers: host.timers,
  });
  signal.throwIfAborted();
  return [...origins.values()].flatMap((destination) => results.get(destination) ?? []);
}

/** A host that a run connects to. */
interface Destination {
  readonly url: URL;
  /** Where its proxy is set, or null without one. */
  readonly proxy: string | null;
  /** Whether the egress policy applies. */
  readonly publicOnly: boolean;
}

function proxyFor(url: URL, hosts: Config["hosts"], host: Host): string | null {
  const { proxy } = serverSettings(hosts, url.href);
  if (proxy === null) return proxyVariable(url, (name) => variable(name, host));
  return proxy === "direct" ? null : '"hosts"';
}

async function checkHost(
  { url, proxy, publicOnly }: Destination,
  host: Host,
  signal: AbortSignal,
): Promise<Omit<CheckResult, "check">> {
  const { hostname } = url;
  if (proxy !== null) {
    const message = `${hostname} is requested through the proxy in ${proxy}; not resolved here`;
    return { verdict: "note", message };
  }
  if (isAddress(hostname)) return { verdict: "good", message: `${hostname} needs no resolution` };
  try {
    const addresses = await withTimeout(
      host.timers,
      PATIENCE_MS,
      () => abortable(host.resolve(hostname), signal),
      () => new Error(`it took more than ${PATIENCE_MS / 1000} seconds`),
    );
    const address = privateAmong(addresses);
    if (publicOnly && hostKind(hostname) === "name" && address !== null) {
      const { hint } = ERROR_CODES["redirect.private"];
      return { verdict: "wrong", message: describePrivate(hostname, address), hint };
    }
    return { verdict: "good", message: `${hostname} is ${addresses.join(", ")}` };
  } catch (error) {
    signal.throwIfAborted();
    if (isDenied(error)) {
      const message = `Deno has no permission to resolve ${hostname}`;
      return { verdict: "note", message, hint: `add --allow-net=${hostname}` };
    }
    const message = `${hostname} cannot be resolved: ${errorMessage(error)}`;
    return {
      verdict: "wrong",
      message,
      hint: "check the name, and that this machine resolves names",
    };
  }
}

/** Checks the programs of alerts, transforms and hooks. */
export async function checkCommands(
  { alerts }: Pick<Config, "alerts">,
  tasks: readonly Pick<Task, "transform" | "onChange">[],
  host: Pick<Host, "env" | "cwd">,
): Promise<CheckResult[]> {
  const ofAlerts = alerts.flatMap((alert) => alert.kind === "command" ? [alert.command[0]] : []);
  const transforms = new Map(
    tasks.flatMap(({ transform }) => transform ? [[transform.command[0], transform.cwd]] : []),
  );
  const hooks = new Map(
    hooksOf(tasks).flatMap((hook) => hook.kind === "command" ? [[hook.command[0], hook.cwd]] : []),
  );
  return await Promise.all([
    ...[...new Set(ofAlerts)].map((name) => checkProgram("alerts", name, host)),
    ...([["transform", transforms], ["onChange", hooks]] as const).flatMap(([check, programs]) =>
      [...programs].map(([name, cwd]) =>
        checkProgram(check, name, { env: host.env, cwd: () => cwd })
      )
    ),
  ]);
}

/** What fails without a program. */
const EFFECTS = {
  alerts: "its alerts",
  transform: "its tasks",
  onChange: "its deliveries",
} as const satisfies Partial<Record<DoctorCheck, string>>;

async function checkProgram(
  check: keyof typeof EFFECTS,
  name: string,
  host: Pick<Host, "env" | "cwd">,
): Promise<CheckResult> {
  const paths = pathsOf(name, host);
  const found = paths === null ? null : await firstProgram(paths);
  if (paths !== null && found === null) {
    const message = `the command ${name} does not exist, so ${EFFECTS[check]} would fail`;
    return { check, verdict: "wrong", message, hint: `install it, or change ${check}` };
  }
  // Deno resolves granted names to paths, so the query covers both.
  const { state } = await Deno.permissions.query({ name: "run", command: name });
  if (state !== "granted") {
    const message = `no permission to run the command ${name}`;
    return { check, verdict: "wrong", message, hint: `add --allow-run=${name}` };
  }
  const message = found === null ? `the command ${name} may be run` : `the command is ${found}`;
  return { check, verdict: "good", message };
}

/** Paths where a program may be, in the order of the search; null if PATH is not readable. */
function pathsOf(name: string, host: Pick<Host, "env" | "cwd">): string[] | null {
  const isWindows = Deno.build.os === "windows";
  if (name.includes("/") || (isWindows && name.includes("\\"))) {
    return endings(resolve(host.cwd(), name), host);
  }
  const path = variable("PATH", host);
  if (path === undefined) return null;
  return path.split(isWindows ? ";" : ":")
    .flatMap((folder) => endings(join(resolve(host.cwd(), folder), name), host));
}

/** Windows also finds a program by its name without the extension. */
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
    // Windows has no permission bits.
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}

/**
 * Publishes a small file to the store under a random name, reads it, and removes it.
 *
 * @returns The result. An unusable store is a result, not an error.
 */
export async function checkStore(
  config: Config,
  host: Host,
  signal: AbortSignal,
): Promise<CheckResult> {
  const fault = await findStoreFault(config.store, host.random);
  if (fault !== null) return { check: "store", verdict: "wrong", ...fault };
  const location = locationText(config.store);
  const folder = config.store.kind === "folder" ? config.store.path : null;
  const absent = folder !== null && await isAbsent(folder);
  try {
    await withoutTrace(folder, async () => {
      await using store = await openStore(config.store, storeOptions(config), host);
      using _abortable = store.abortOn(signal);
      await tryStore(store, `cronfetch-doctor-${host.random.name()}`);
    });
    const message = absent
      ? `${location} does not exist yet; the first run creates it`
      : `${location} is readable and writable`;
    return { check: "store", verdict: "good", message };
  } catch (error) {
    const { message, ...hint } = adviceOf(error);
    const found = message.replace(/^[a-z]+ "cronfetch-doctor-[^"]*": /, "");
    return {
      check: "store",
      verdict: "wrong",
      message: `${location} cannot be used: ${found}`,
      ...hint,
    };
  }
}

/** The message of an error, and what to do: its hint, its clauses after the first, or the code's hint. */
function adviceOf(error: unknown): Pick<CheckResult, "message" | "hint"> {
  const text = errorMessage(error);
  if (error instanceof CronfetchError && error.hint !== null) {
    return { message: text, hint: error.hint };
  }
  const end = text.indexOf("; ");
  if (end >= 0) return { message: text.slice(0, end), hint: text.slice(end + 2) };
  const hint = error instanceof CronfetchError ? hintFor(error.code, error.httpStatus) : null;
  return { message: text, ...(hint !== null && { hint }) };
}

/** Publishes a file, reads it, and removes it. */
async function tryStore(store: Store, key: string): Promise<void> {
  // Listing first: other responses of a bucket give no reason for a refusal.
  for await (const _file of store.list("cronfetch-doctor")) break;
  try {
    const { sha256 } = await publishText(store, key, "a");
    const found = await store.digest(key, new AbortController().signal);
    if (found !== sha256) throw new Error("the written file cannot be read back");
  } finally {
    await store.remove(key);
  }
}

async function publishText(store: Store, key: string, text: string): Promise<Sealed> {
  await using draft = await store.draft(key);
  await draft.write(new TextEncoder().encode(text));
  const sealed = await draft.seal();
  await draft.publish();
  return sealed;
}

/**
 * Tries what the server of a bucket can do. What it lacks is a note: runs work without it.
 *
 * @returns No result for another store.
 */
export async function checkServer(
  config: Config,
  host: Host,
  signal: AbortSignal,
): Promise<CheckResult[]> {
  const { store } = config;
  if (store.kind !== "s3") return [];
  try {
    const { abilities, lacks } = await probeServer(
      store,
      storeOptions(config).settingsOf,
      host,
      signal,
    );
    const message = [`its server supports ${abilities}`, ...lacks].join("; ");
    return [{ check: "server", verdict: lacks.length === 0 ? "good" : "note", message }];
  } catch (error) {
    signal.throwIfAborted();
    const message = `its server could not be tried: ${errorMessage(error)}`;
    return [{ check: "server", verdict: "wrong", message }];
  }
}

/**
 * Opens the state and reads it. For a state that does not exist yet, only its folder is checked, so
 * that the state is not created.
 */
export async function checkState(config: Config, host: Host): Promise<CheckResult> {
  const path = stateFile(config.state);
  try {
    if (path !== null && await isAbsent(path)) {
      await tryFolder(dirname(path), host);
      return missingState(config);
    }
    await using state = await openState(config.state, host, config.historyMs, "skip");
    // Missing tables are read as an empty state in memory.
    if (config.state.kind === "postgres" && !state.durable) return missingState(config);
    const { size } = await state.allRecords();
    const message = `${state.location} has records of ${plural(size, "task")}`;
    if (state.durable) return { check: "state", verdict: "good", message };
    const volatile = `${state.location} is lost after each run: every file is fetched whole`;
    const hint = 'set "state" to kv:PATH or file:PATH';
    return { check: "state", verdict: "note", message: volatile, hint };
  } catch (error) {
    return { check: "state", verdict: "wrong", ...adviceOf(error) };
  }
}

function missingState({ state }: Pick<Config, "state">): CheckResult {
  const message = `${locationText(state)} does not exist yet; the first run creates it`;
  return { check: "state", verdict: "good", message };
}

/** Creates an empty file in a folder, and removes it. */
async function tryFolder(folder: string, host: Pick<Host, "random">): Promise<void> {
  const path = join(folder, `.cronfetch-${host.random.name()}`);
  await withoutTrace(folder, async () => {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(path, new Uint8Array(), { createNew: true });
    await Deno.remove(path);
  });
}

/** Runs `work`, and removes the folders that it creates. */
async function withoutTrace(folder: string | null, work: () => Promise<void>): Promise<void> {
  const made = folder === null ? [] : await absentFolders(folder);
  try {
    await work();
  } finally {
    // Fails for a folder that another process uses meanwhile, which must stay.
    for (const path of made) await Deno.remove(path).catch(() => {});
  }
}

/** The missing folders of a path, the deepest first. */
async function absentFolders(folder: string): Promise<string[]> {
  if (dirname(folder) === folder || !await isAbsent(folder)) return [];
  return [folder, ...await absentFolders(dirname(folder))];
}
