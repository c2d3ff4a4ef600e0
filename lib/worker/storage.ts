/** Where a watch keeps what it fetches and what it remembers. */

import type { Config } from "../config/config.ts";
import type { Host } from "../core/host.ts";
import { locationText } from "../core/location.ts";
import { openState } from "../state/open.ts";
import type { State } from "../state/state.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";

/** Which places a config names. */
export type PlaceNames = Pick<Config, "store" | "state" | "sync">;

/** A state that stays open from pass to pass, and a store for each of them. */
export interface Places extends AsyncDisposable {
  readonly state: State;
  /** Opens the store for a pass, which disposes of it. */
  openStore(): Promise<Store>;
}

/**
 * Opens the state of a config.
 *
 * A folder is opened anew for each pass: so no file of ours stands in it while
 * nothing goes on, and one that was removed meanwhile is made again. What is in
 * memory is gone once it is closed, so that stays open.
 *
 * @throws {CronfetchError} `config.invalid`, and `state.` and `store.` codes.
 */
export async function openPlaces(
  { store, state: location, sync }: PlaceNames,
  host: Host,
): Promise<Places> {
  await using opened = new AsyncDisposableStack();
  const state = await openState(location, host);
  // What it cannot write has been told by the run.
  opened.defer(() => state[Symbol.asyncDispose]().then(null, () => {}));
  const lasting = store.kind === "memory"
    ? opened.use(await openStore(store, { sync }, host))
    : null;
  const owned = opened.move();
  return {
    state,
    openStore: () =>
      lasting
        ? Promise.resolve({ ...lasting, [Symbol.asyncDispose]: () => Promise.resolve() })
        : openStore(store, { sync }, host),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Whether two configs name the same state and the same store. */
export function isSamePlace(one: PlaceNames, other: PlaceNames): boolean {
  return locationText(one.state) === locationText(other.state) &&
    locationText(one.store) === locationText(other.store) && one.sync === other.sync;
}
