/** The state and the store of a watch, for a page that stays while they are moved. */

import type { CronfetchError } from "../core/errors.ts";
import type { PageState, PageStore } from "../page/source.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";

/** What is in place. */
export interface Open {
  readonly state: State;
  readonly openStore: () => Promise<Store>;
}

/** A state and a store, and what becomes of them. */
export interface PlaceHolder {
  readonly state: PageState;
  readonly store: PageStore;
  /** These are in place from now on. */
  opened(open: Open): void;
  /** They are not any more; others may come. */
  closed(): void;
  /** None come for the time being. Without effect while some are in place. */
  failed(error: CronfetchError): void;
}

/**
 * A state and a store in whose place others may come. Who asks while there are none waits for the
 * next ones; so does who has asked those that were closed meanwhile.
 */
export function createPlaceHolder(): PlaceHolder {
  let current = Promise.withResolvers<Open>();
  let phase: "awaited" | "open" | "failed" = "awaited";
  const renew = () => {
    if (phase !== "awaited") current = Promise.withResolvers();
    phase = "awaited";
  };

  const ask = async <Answer>(question: (open: Open) => Promise<Answer>): Promise<Answer> => {
    for (;;) {
      const asked = current;
      const open = await asked.promise;
      try {
        return await question(open);
      } catch (error) {
        if (asked === current) throw error;
      }
    }
  };
  const state: PageState = {
    records: (tasks) => ask(({ state }) => state.records(tasks)),
    runs: (limit) => ask(({ state }) => state.runs(limit)),
  };
  const store: PageStore = {
    stat: (key) =>
      ask(async ({ openStore }) => {
        await using opened = await openStore();
        return await opened.stat(key);
      }),
    read: async (key, signal) => {
      const { openStore } = await current.promise;
      await using owned = new AsyncDisposableStack();
      const body = await owned.use(await openStore()).read(key, signal);
      return body && closing(body, owned.move());
    },
  };
  return {
    state,
    store,
    opened: (open) => {
      renew();
      current.resolve(open);
      phase = "open";
    },
    closed: renew,
    failed: (error) => {
      if (phase === "open") return;
      renew();
      // It is told to whoever asks.
      current.promise.catch(() => {});
      current.reject(error);
      phase = "failed";
    },
  };
}

/** The pieces of a file, after which its store is closed. */
async function* closing<Piece>(
  pieces: AsyncIterable<Piece>,
  store: AsyncDisposable,
): AsyncGenerator<Piece> {
  await using _store = store;
  yield* pieces;
}
