/**
 * Leases in Deno KV. A run has one small entry that says until when it lives,
 * and lists of the tasks it holds; so that a hundred thousand leases are
 * prolonged by one write. Whoever gives out tasks replaces one entry that all
 * runs share, and commits only if it still stands as it was before looking.
 */

import { share, type StateHost } from "./driver.ts";
import { Contended, patiently } from "./errors.ts";
import { isNumber, isTexts } from "./format.ts";
import { commits, encode, encodeIds, type KvConnection, type Mutation } from "./kv_connection.ts";
import type { RunLocks } from "./file_lock.ts";

/** Replaced whenever tasks are given out, or taken from a dead run. */
const TURN: Deno.KvKey = ["cronfetch", "turn"];
/** A run's id leads to its expiry. */
const LIVES: Deno.KvKey = ["cronfetch", "lease"];
/** A run's id and a name never used again lead to ids of tasks. Gone before the run's expiry is. */
const LISTS: Deno.KvKey = ["cronfetch", "leased"];

const TAKE_TURN: Mutation = { key: TURN, value: encode(null) };
const OVER = encode(0);

const CONTENTION_DELAYS_MS = [20, 40, 80, 160, 320, 640, 1280, 2560];

/** The leases of all runs on one database. */
export class KvLeases {
  readonly #kv: KvConnection;
  readonly #host: StateHost;
  readonly #locks: RunLocks;

  /** Works by `kv` and `locks`, which stay the caller's. */
  constructor(kv: KvConnection, locks: RunLocks, host: StateHost) {
    this.#kv = kv;
    this.#locks = locks;
    this.#host = host;
  }

  /** See `State.acquire`. */
  acquire(tasks: ReadonlySet<string>, run: string, ttlMs: number): Promise<Set<string>> {
    return this.#patiently(async () => {
      await this.#locks.hold(run);
      await this.#buryDead();
      let turn = (await this.#kv.get(TURN)).versionstamp;
      const { held, free } = share(await this.#lists(), { run, tasks });
      if (held.size + free.size === 0) return held;
      const lists = encodeIds(free).map((value): Mutation => {
        return { key: [...LISTS, run, this.#host.random.name()], value };
      });
      for (const group of lists.length === 0 ? [[]] : commits(lists)) {
        const life: Mutation = { key: [...LIVES, run], value: encode(this.#nowMs() + ttlMs) };
        turn = await this.#kv.commit(
          [{ key: TURN, versionstamp: turn }],
          [TAKE_TURN, life, ...group],
        );
        if (turn === null) throw new Contended();
      }
      return held.union(free);
    });
  }

  /** See `State.renew`. */
  renew(run: string, ttlMs: number): Promise<boolean> {
    return this.#patiently(async () => {
      const { key, versionstamp, value } = await this.#kv.get([...LIVES, run]);
      if (versionstamp === null) return false;
      const nowMs = this.#nowMs();
      if (this.#kv.decode({ key, versionstamp, value }, isNumber) <= nowMs) return false;
      const life: Mutation = { key, value: encode(nowMs + ttlMs) };
      if (await this.#kv.commit([{ key, versionstamp }], [life]) === null) throw new Contended();
      return true;
    });
  }

  /** See `State.release`. */
  async release(run: string): Promise<void> {
    await this.#removeLists(run);
    await this.#kv.apply([{ key: [...LIVES, run], value: null }]);
    await this.#locks.drop(run);
  }

  /** Takes their tasks from the runs that died or whose time is over, for good: they cannot be renewed. */
  async #buryDead(): Promise<void> {
    const nowMs = this.#nowMs();
    for (const life of await this.#kv.list(LIVES)) {
      const { key } = life;
      const run = String(key.at(-1));
      if (this.#kv.decode(life, isNumber) > nowMs && !await this.#locks.isDead(run)) continue;
      const over = await this.#kv.commit([life], [TAKE_TURN, { key, value: OVER }]);
      if (over === null) throw new Contended();
      await this.#removeLists(run);
      await this.#locks.drop(run);
      // Who else is at it, or the run itself coming back, has changed the entry and sees to it.
      await this.#kv.commit([{ key, versionstamp: over }], [{ key, value: null }]);
    }
  }

  async #removeLists(run: string): Promise<void> {
    const lists = await this.#kv.list([...LISTS, run]);
    await this.#kv.apply(lists.map(({ key }) => ({ key, value: null })));
  }

  async #lists(): Promise<[run: string, tasks: readonly string[]][]> {
    const lists = await this.#kv.list(LISTS);
    return lists.map((list) => [String(list.key.at(-2)), this.#kv.decode(list, isTexts)]);
  }

  #patiently<T>(work: () => Promise<T>): Promise<T> {
    const doing = `leasing tasks in the state ${this.#kv.location}`;
    return patiently(doing, this.#host, CONTENTION_DELAYS_MS, work);
  }

  #nowMs(): number {
    return this.#host.clock.now().epochMilliseconds;
  }
}
