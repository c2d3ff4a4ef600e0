/**
 * Leases in Deno KV. A run has one small entry with its expiry, and lists of its leased tasks, so that
 * one write extends a hundred thousand leases. A run that leases tasks replaces one entry that all runs
 * share, and commits only if that entry is unchanged since it read the leases.
 */

import { partition, type StateHost } from "../driver.ts";
import { Contended, retryWhileLocked } from "../errors.ts";
import { isNumber, isTexts } from "../format.ts";
import { commits, encode, encodeIds, type KvConnection, type Mutation } from "./connection.ts";
import type { RunLocks } from "../file_lock.ts";

/** Replaced whenever tasks are leased, or taken from a crashed run. */
const TURN: Deno.KvKey = ["cronfetch", "turn"];
/** Run id -> expiry. */
const LIVES: Deno.KvKey = ["cronfetch", "lease"];
/** Run id and a unique name -> task ids. Removed before the run's expiry. */
const LISTS: Deno.KvKey = ["cronfetch", "leased"];

const TAKE_TURN: Mutation = { key: TURN, value: encode(null) };
const OVER = encode(0);

const CONTENTION_DELAYS_MS = [20, 40, 80, 160, 320, 640, 1280, 2560];

/** The leases of all runs in a database. */
export class KvLeases {
  readonly #kv: KvConnection;
  readonly #host: StateHost;
  readonly #locks: RunLocks;

  /** Uses `kv` and `locks`, without ownership. */
  constructor(kv: KvConnection, locks: RunLocks, host: StateHost) {
    this.#kv = kv;
    this.#locks = locks;
    this.#host = host;
  }

  /** See `State.acquire`. */
  acquire(tasks: ReadonlySet<string>, run: string, ttlMs: number): Promise<Set<string>> {
    return this.#retryWhileLocked(async () => {
      await this.#locks.hold(run);
      await this.#reapExpired();
      let turn = (await this.#kv.get(TURN)).versionstamp;
      const { leased, free } = partition(await this.#lists(), { run, tasks });
      if (leased.size + free.size === 0) return leased;
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
      return leased.union(free);
    });
  }

  /** See `State.renew`. */
  renew(run: string, ttlMs: number): Promise<boolean> {
    return this.#retryWhileLocked(async () => {
      const { key, versionstamp, value } = await this.#kv.get([...LIVES, run]);
      if (versionstamp === null) return false;
      const nowMs = this.#nowMs();
      if (this.#kv.decode({ key, versionstamp, value }, isNumber) <= nowMs) return false;
      const life: Mutation = { key, value: encode(nowMs + ttlMs) };
      if (await this.#kv.commit([{ key, versionstamp }], [life]) === null) throw new Contended();
      return true;
    });
  }

  /** See `StateDriver.leasedTasks`. */
  async leasedTasks(): Promise<Map<string, number>> {
    const nowMs = this.#nowMs();
    const counts = new Map<string, number>();
    for (const life of await this.#kv.list(LIVES)) {
      const run = String(life.key.at(-1));
      if (this.#kv.decode(life, isNumber) <= nowMs || await this.#locks.isDead(run)) continue;
      counts.set(run, 0);
    }
    for (const [run, tasks] of counts.size === 0 ? [] : await this.#lists()) {
      const count = counts.get(run);
      if (count !== undefined) counts.set(run, count + tasks.length);
    }
    return counts;
  }

  /** See `State.release`. */
  async release(run: string): Promise<void> {
    await this.#removeLists(run);
    await this.#kv.apply([{ key: [...LIVES, run], value: null }]);
    await this.#locks.drop(run);
  }

  /** Ends the leases of crashed and expired runs; these cannot be renewed. */
  async #reapExpired(): Promise<void> {
    const nowMs = this.#nowMs();
    for (const life of await this.#kv.list(LIVES)) {
      const { key } = life;
      const run = String(key.at(-1));
      if (this.#kv.decode(life, isNumber) > nowMs && !await this.#locks.isDead(run)) continue;
      const over = await this.#kv.commit([life], [TAKE_TURN, { key, value: OVER }]);
      if (over === null) throw new Contended();
      await this.#removeLists(run);
      await this.#locks.drop(run);
      // Another process, or the run itself, has changed the entry and handles it.
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

  #retryWhileLocked<T>(work: () => Promise<T>): Promise<T> {
    const doing = `leasing tasks in the state ${this.#kv.location}`;
    return retryWhileLocked(doing, this.#host, CONTENTION_DELAYS_MS, work);
  }

  #nowMs(): number {
    return this.#host.clock.now().epochMilliseconds;
  }
}
