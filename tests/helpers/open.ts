/** Opens stores and states by the text of their location, as in a config. */

import {
  parseStateLocation,
  parseStoreLocation,
  type StateLocation,
  type StoreLocation,
} from "../../lib/core/location.ts";
import type { Host } from "../../lib/core/host.ts";
import { type OpeningHost, openState as openStateAt } from "../../lib/state/open.ts";
import type { State } from "../../lib/state/state.ts";
import { openStore as openStoreAt, type StoreOptions } from "../../lib/store/open.ts";
import type { Store } from "../../lib/store/store.ts";

/** Parses a valid location with an absolute path. */
export function storeLocation(text: string): StoreLocation {
  const { value, problem } = parseStoreLocation(text, "/");
  if (value === undefined) throw new TypeError(`${text} ${problem}`);
  return value;
}

/** Parses a valid location with an absolute path. */
export function stateLocation(text: string): StateLocation {
  const { value, problem } = parseStateLocation(text, "/");
  if (value === undefined) throw new TypeError(`${text} ${problem}`);
  return value;
}

export async function openStore(text: string, options: StoreOptions, host: Host): Promise<Store> {
  return await openStoreAt(storeLocation(text), options, host);
}

export async function openState(
  text: string,
  host: OpeningHost,
  historyMs?: number,
): Promise<State> {
  return await openStateAt(stateLocation(text), host, historyMs);
}
