/** The pool: gathers many pieces of work under a total limit, a limit and a spacing per host. */

import type { Clock, Timers } from "../core/host.ts";

/** How much may go on at once. */
export interface PoolLimits {
  /** Items worked on at once; at least 1. */
  readonly concurrency: number;
  /** Places of one group: items worked on at once, and what they borrow; at least 1. */
  readonly perHost: number;
  /** Milliseconds between two starts in one group. */
  readonly spacingMs: number;
}

/** A working item's place in the pool. */
export interface Slot {
  /**
   * Waits without holding up other groups: the place among the `concurrency`
   * is free meanwhile, the place in the own group is not. So a host in trouble
   * is asked less, and the others are asked as before.
   *
   * @param durationMs How long.
   * @throws The reason of the pool's signal, once that is aborted.
   */
  rest(durationMs: number): Promise<void>;
  /**
   * Takes one more place in the own group: for another connection to its host. It
   * counts against `perHost` and not against `concurrency`, which is about items.
   *
   * @returns What gives the place back; or null, if the group is full, or one of its
   * items could be started instead.
   */
  borrow(): Disposable | null;
}

/** What {@linkcode gather} needs. */
export interface PoolOptions<Item> {
  readonly limits: PoolLimits;
  /** Names the group of an item: its host. Called once an item. */
  readonly groupOf: (item: Item) => string;
  /** Works on one item. Is to turn failures into data; a rejection ends the whole gathering. */
  readonly work: (item: Item, slot: Slot) => Promise<void>;
  /** Once aborted, nothing more is started; what runs is expected to end by itself. */
  readonly signal: AbortSignal;
  readonly timers: Timers;
  readonly clock: Clock;
}

/** Items of one host. */
interface Group<Item> {
  readonly waiting: Queue<Item>;
  /** Places taken: by items at work, those at rest included, and by what they have borrowed. */
  active: number;
  /** It stands among those that may start an item, or is going to when its spacing is over. */
  isQueued: boolean;
  /** Monotonic time before which no item of the group starts. */
  notBeforeMs: number;
}

/**
 * Works on all items, each started only when its turn comes, so that a waiting
 * item costs no more than itself. Groups take turns; within a group items start
 * in order. Resolves when everything started has ended.
 *
 * @returns The items that were never started because the signal was aborted.
 * @throws What `work` rejected with first, after everything started has ended.
 */
export async function gather<Item>(
  items: Iterable<Item>,
  options: PoolOptions<Item>,
): Promise<Item[]> {
  const { limits, signal, timers, clock } = options;
  const groups = new Map<string, Group<Item>>();
  /** Groups that may start an item now, in turn. */
  const ready = new Queue<Group<Item>>();
  let waiting = 0;
  for (const item of items) {
    const name = options.groupOf(item);
    let group = groups.get(name);
    if (!group) {
      group = { waiting: new Queue(), active: 0, isQueued: true, notBeforeMs: -Infinity };
      groups.set(name, group);
      ready.push(group);
    }
    group.waiting.push(item);
    waiting++;
  }

  const ended = Promise.withResolvers<void>();
  /** Items back from a rest, waiting for a free place; before any new start. */
  const returning = new Queue<() => void>();
  const spacings = new Set<() => void>();
  /** Items at work, those at rest left out. */
  let active = 0;
  /** Items at work, those at rest included. */
  let running = 0;
  let failure: { readonly reason: unknown } | null = null;

  const stopped = () => signal.aborted || failure !== null;

  const enqueue = (group: Group<Item>) => {
    if (group.isQueued || group.waiting.length === 0 || group.active >= limits.perHost) return;
    group.isQueued = true;
    const waitMs = group.notBeforeMs - clock.monotonicMs();
    if (waitMs <= 0) {
      ready.push(group);
      return;
    }
    const cancel = timers.after(waitMs, () => {
      spacings.delete(cancel);
      group.isQueued = false;
      enqueue(group);
      fill();
    });
    spacings.add(cancel);
  };

  const start = (group: Group<Item>) => {
    const item = group.waiting.shift() as Item;
    waiting--;
    group.active++;
    active++;
    running++;
    // A full group comes back when one of its items ends; until then it is in no queue.
    if (limits.spacingMs > 0) group.notBeforeMs = clock.monotonicMs() + limits.spacingMs;
    enqueue(group);
    Promise.try(options.work, item, { rest, borrow: () => borrow(group) }).catch((reason) => {
      failure ??= { reason };
    }).finally(() => {
      active--;
      running--;
      vacate(group);
    });
  };

  /** Frees a place of a group, for whoever waits for it. */
  const vacate = (group: Group<Item>) => {
    const wasFull = group.active >= limits.perHost;
    group.active--;
    if (wasFull) enqueue(group);
    fill();
  };

  const borrow = (group: Group<Item>): Disposable | null => {
    // An item that is kept waiting by `concurrency` has no use for the place yet.
    const isWaitedFor = group.waiting.length > 0 && active < limits.concurrency;
    if (stopped() || isWaitedFor || group.active >= limits.perHost) return null;
    group.active++;
    let isBorrowed = true;
    return {
      [Symbol.dispose]: () => {
        if (isBorrowed) vacate(group);
        isBorrowed = false;
      },
    };
  };

  let filling = false;
  const fill = () => {
    // Work that rests at once calls from within `start`; the loop that is going on goes on.
    if (filling) return;
    filling = true;
    while (active < limits.concurrency) {
      const back = returning.shift();
      if (back) {
        active++;
        back();
        continue;
      }
      const group = stopped() ? undefined : ready.shift();
      if (!group) break;
      group.isQueued = false;
      // Others may have borrowed its places since; it comes back when one is free.
      if (group.active < limits.perHost) start(group);
    }
    filling = false;
    if (running === 0 && (waiting === 0 || stopped())) ended.resolve();
  };

  const rest = async (durationMs: number) => {
    active--;
    fill();
    try {
      await timers.sleep(durationMs, signal);
    } finally {
      if (active < limits.concurrency) active++;
      else await new Promise<void>((resolve) => returning.push(resolve));
    }
  };

  signal.addEventListener("abort", fill);
  fill();
  await ended.promise;
  signal.removeEventListener("abort", fill);
  for (const cancel of spacings) cancel();
  if (failure) throw (failure as { readonly reason: unknown }).reason;
  return [...groups.values()].flatMap((group) => [...group.waiting]);
}

/** First in, first out, each step in constant time however long it is. */
class Queue<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head++];
    // What was taken is let go of in large steps, so that it is not held for long.
    if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let index = this.#head; index < this.#items.length; index++) yield this.#items[index] as T;
  }
}
