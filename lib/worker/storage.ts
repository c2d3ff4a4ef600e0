/** Opens, checks and reopens the state and the store that a config names. */

import { dirname, join } from "@std/path";
import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host, Random } from "../core/host.ts";
import { serverSettings } from "../core/host_rules.ts";
import {
  locationText,
  stateFile,
  type StateLocation,
  type StoreLocation,
} from "../core/location.ts";
import { openState } from "../state/open.ts";
import type { State } from "../state/state.ts";
import { openStore, type StoreOptions } from "../store/open.ts";
import type { Store } from "../store/store.ts";

/** Where a config keeps its files and its state. */
export type StorageLocations = Pick<Config, "store" | "state" | "historyMs" | "sync" | "hosts">;

/** An open state, and a store for each run. */
export interface RunStorage extends AsyncDisposable {
  readonly state: State;
  /**
   * Opens the store.
   *
   * @param owned Closes the store, unless it stays open for other runs.
   * @throws {CronfetchError} `config.invalid`, and `store.` codes.
   */
  openStore(owned: AsyncDisposableStack): Promise<Store>;
}

/** The part of a state that reads for a status page need. */
export type ReadableState = Pick<
  State,
  "records" | "members" | "runs" | "runResults" | "days" | "activeRuns"
>;

/** State and store to use instead of those of the config. */
export interface StorageOverrides {
  /** An open state. It stays open. */
  readonly state?: State;
  /** An open store. It stays open. */
  readonly store?: Store;
  /** Opens the state of the config. Default: `openState`. */
  readonly openState?: (
    location: StateLocation,
    host: Host,
    historyMs: number,
  ) => Promise<State>;
}

/**
 * Opens the state of a config.
 *
 * A folder or bucket is opened for each run, so that an idle process holds no file in it, and a
 * folder removed between two runs is created again. A store in memory stays open, since closing
 * it would lose the files.
 *
 * @throws {CronfetchError} `config.invalid`, and `state.` and `store.` codes.
 */
export async function openStorage(
  locations: StorageLocations,
  host: Host,
  overrides: StorageOverrides = {},
): Promise<RunStorage> {
  const { store: location, state: stateLocation, historyMs } = locations;
  await using opened = new AsyncDisposableStack();
  const state = overrides.state ??
    await (overrides.openState ?? openState)(stateLocation, host, historyMs);
  // The run has reported what could not be written.
  if (!overrides.state) opened.defer(() => state[Symbol.asyncDispose]().then(null, () => {}));
  const open = () => openStore(location, storeOptions(locations), host);
  const lasting = overrides.store ??
    (location.kind === "memory" ? opened.use(await open()) : null);
  const owned = opened.move();
  return {
    state,
    openStore: async (run) => lasting ?? run.use(await open()),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The options of the store of a config. For a bucket, `hosts` applies to its server. */
export function storeOptions(
  { sync, hosts }: Pick<Config, "sync" | "hosts">,
): Required<StoreOptions> {
  return { sync, settingsOf: (origin) => serverSettings(hosts, origin) };
}

/**
 * Opens a state without creating one: a missing file reads as an empty state.
 *
 * @param historyMs How long runs are kept, in milliseconds; older ones are not returned. Default: 90
 * days.
 * @throws {CronfetchError} any `state.` code.
 */
export async function openExistingState(
  location: StateLocation,
  host: Host,
  historyMs?: number,
): Promise<State> {
  const path = stateFile(location);
  // The first run has leases before it has a state.
  const isMissing = path !== null && await isAbsent(path) && await isAbsent(`${path}.leases`);
  return await openState(isMissing ? { kind: "memory" } : location, host, historyMs);
}

/** Whether a path does not exist. False if that cannot be determined. */
export async function isAbsent(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return false;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

/** Why a store cannot be written to. */
export interface StoreFault {
  /** A sentence about a path, without a full stop. */
  readonly message: string;
  /** What to do, a clause in the imperative. */
  readonly hint: string;
}

const ANOTHER = 'or set another "store"';

/**
 * Checks the folder of a store: that it, or the nearest folder above it, is a folder in which files
 * can be created. An empty file is created and removed.
 *
 * @returns Null if nothing is wrong, or nothing is known: of a bucket, of memory.
 */
export async function findStoreFault(
  store: StoreLocation,
  random: Random,
): Promise<StoreFault | null> {
  if (store.kind !== "folder") return null;
  let path = store.path;
  try {
    for (;;) {
      const info = await statIfExists(path);
      if (info?.isDirectory) break;
      if (info !== null) {
        const kind = info.isFile ? "a file, not a folder" : "no folder";
        return { message: `${path} is ${kind}`, hint: `move it away, ${ANOTHER}` };
      }
      const above = dirname(path);
      if (above === path) return null;
      path = above;
    }
    // A permission for the store alone does not include the folder in which it is created.
    const isStore = path === store.path;
    if (!isStore && (await Deno.permissions.query({ name: "write", path })).state !== "granted") {
      return null;
    }
    const probe = join(path, `.cronfetch-${random.name()}.part`);
    (await Deno.open(probe, { write: true, createNew: true })).close();
    await Deno.remove(probe);
    return null;
  } catch (error) {
    // A permission for the store alone need not include the folders above.
    const isUnknown = error instanceof Deno.errors.NotCapable && path !== store.path;
    return isUnknown ? null : explain(error, path);
  }
}

/**
 * Checks the store of a run before its first request.
 *
 * @throws {CronfetchError} `config.invalid`, see {@linkcode findStoreFault}.
 */
export async function requireStore(store: StoreLocation, random: Random): Promise<void> {
  const fault = await findStoreFault(store, random);
  if (fault === null) return;
  const message = `Opening the store: ${fault.message}\nhint: ${fault.hint}`;
  throw new CronfetchError("config.invalid", message);
}

async function statIfExists(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    // A file above it is found when that path is checked.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw error;
  }
}

/** Null for an error that does not concern the folder, such as a full disk. */
function explain(error: unknown, path: string): StoreFault | null {
  if (error instanceof Deno.errors.NotCapable) {
    const flag = /--allow-[a-z]+/.exec(error.message)?.[0] ?? "--allow-write";
    return { message: `Deno has no permission for ${path}`, hint: `add ${flag}=${path}` };
  }
  if (!(error instanceof Error)) return null;
  switch ("code" in error ? error.code : undefined) {
    case "EACCES":
    case "EPERM":
      return {
        message: `${path} is not writable: permission denied`,
        hint: `let this user write there, ${ANOTHER}`,
      };
    case "EROFS":
      return {
        message: `${path} is not writable: the file system is read-only`,
        hint: 'set another "store"',
      };
    default:
      return null;
  }
}

/**
 * Storage that runs and a status page share. The first use opens it, and the next use after a
 * failure tries again.
 */
export class SharedStorage implements AsyncDisposable {
  readonly #open: (locations: StorageLocations) => Promise<RunStorage>;
  #locations: StorageLocations;
  #current: Promise<RunStorage> | null = null;
  #isDisposed = false;

  /**
   * @param locations Where the storage is until `replace`.
   * @param open Opens it: {@linkcode openStorage} with a host.
   */
  constructor(
    locations: StorageLocations,
    open: (locations: StorageLocations) => Promise<RunStorage>,
  ) {
    this.#locations = locations;
    this.#open = open;
  }

  /**
   * The open storage.
   *
   * @throws {CronfetchError} As {@linkcode openStorage}; `cancelled` after disposal.
   */
  open(): Promise<RunStorage> {
    if (this.#isDisposed) return Promise.reject(stoppingError());
    return this.#current ?? this.#keep(this.#open(this.#locations));
  }

  /**
   * Closes the storage and opens other locations, if they differ.
   *
   * @throws {CronfetchError} As {@linkcode openStorage}; the next use reopens the last locations.
   */
  async replace(locations: StorageLocations): Promise<void> {
    if (isSame(locations, this.#locations)) return;
    const last = this.#current;
    await this.#keep((async () => {
      // Closed first, because both names may be of one file.
      await close(last);
      const opened = await this.#open(locations);
      this.#locations = locations;
      return opened;
    })());
  }

  /** Reads of the status page. They are repeated if the storage was replaced meanwhile. */
  readonly state: ReadableState = {
    records: (tasks) => this.#read(({ state }) => state.records(tasks)),
    members: (tasks) => this.#read(({ state }) => state.members(tasks)),
    runs: (limit) => this.#read(({ state }) => state.runs(limit)),
    runResults: (run) => this.#read(({ state }) => state.runResults(run)),
    days: (limit) => this.#read(({ state }) => state.days(limit)),
    activeRuns: () => this.#read(({ state }) => state.activeRuns()),
  };

  /** Reads of published files. Each opens the store. */
  readonly store: Pick<Store, "stat" | "read"> = {
    stat: (key) =>
      this.#read(async ({ openStore }) => {
        await using owned = new AsyncDisposableStack();
        return await (await openStore(owned)).stat(key);
      }),
    read: async (key, signal) => {
      const { openStore } = await this.open();
      await using owned = new AsyncDisposableStack();
      const body = await (await openStore(owned)).read(key, signal);
      return body && closedAfter(body, owned.move());
    },
  };

  /** Closes the storage. Later uses are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    const last = this.#current;
    this.#current = null;
    await close(last);
  }

  #keep(opening: Promise<RunStorage>): Promise<RunStorage> {
    this.#current = opening;
    opening.catch(() => {
      if (this.#current === opening) this.#current = null;
    });
    return opening;
  }

  async #read<T>(operation: (storage: RunStorage) => Promise<T>): Promise<T> {
    for (;;) {
      const used = this.open();
      const storage = await used;
      try {
        return await operation(storage);
      } catch (error) {
        if (used === this.#current) throw error;
      }
    }
  }
}

/** The error of what is requested after the end of a watch. */
export function stoppingError(): CronfetchError {
  return new CronfetchError("cancelled", "cronfetch is stopping, and starts nothing new");
}

function isSame(one: StorageLocations, other: StorageLocations): boolean {
  return locationText(one.state) === locationText(other.state) &&
    one.historyMs === other.historyMs &&
    locationText(one.store) === locationText(other.store) && one.sync === other.sync &&
    JSON.stringify(one.hosts) === JSON.stringify(other.hosts);
}

async function close(opening: Promise<RunStorage> | null): Promise<void> {
  const opened = await opening?.catch(() => null);
  await opened?.[Symbol.asyncDispose]();
}

/** The pieces of a file; its store is closed after the last one. */
async function* closedAfter<Piece>(
  pieces: AsyncIterable<Piece>,
  store: AsyncDisposable,
): AsyncGenerator<Piece> {
  await using _store = store;
  yield* pieces;
}
