/** Opens and reopens the state and the store that a config names. */

import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { serverSettings } from "../core/host_rules.ts";
import { locationText, stateFile, type StateLocation } from "../core/location.ts";
import { openState } from "../state/open.ts";
import type { RecordIndex } from "../state/record_index.ts";
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
export type ReadableState =
  & Pick<
    State,
    "records" | "members" | "deliveries" | "items" | "runs" | "runResults" | "days" | "activeRuns"
  >
  & { readonly index: RecordIndex };

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
  return await openState(isMissing ? { kind: "memory" } : location, host, historyMs, "skip");
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
    deliveries: (tasks) => this.#read(({ state }) => state.deliveries(tasks)),
    items: (owners) => this.#read(({ state }) => state.items(owners)),
    runs: (limit) => this.#read(({ state }) => state.runs(limit)),
    runResults: (run) => this.#read(({ state }) => state.runResults(run)),
    days: (limit) => this.#read(({ state }) => state.days(limit)),
    activeRuns: () => this.#read(({ state }) => state.activeRuns()),
    // Whether there is one is known once the state is open.
    index: {
      hasMoreThan: (count) => this.#read(({ state }) => indexOf(state).hasMoreThan(count)),
      sums: (since) => this.#read(({ state }) => indexOf(state).sums(since)),
      page: (query) => this.#read(({ state }) => indexOf(state).page(query)),
      isPublished: (key) => this.#read(({ state }) => indexOf(state).isPublished(key)),
      fleet: () => this.#read(({ state }) => indexOf(state).fleet()),
    },
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
  // Not as texts, which have no password.
  return JSON.stringify(one.state) === JSON.stringify(other.state) &&
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

/** The index of a state; one of no records for a state without it, whose records are all read. */
function indexOf({ index }: Pick<State, "index">): RecordIndex {
  return index ?? NO_INDEX;
}

const NO_INDEX: RecordIndex = {
  hasMoreThan: () => Promise.resolve(false),
  sums: () =>
    Promise.resolve({
      healths: { healthy: 0, failing: 0, unhealthy: 0 },
      ...{ files: 0, sizeBytes: 0, changed: 0 },
    }),
  page: () => Promise.resolve([]),
  isPublished: () => Promise.resolve(false),
  fleet: () => Promise.resolve(null),
};
