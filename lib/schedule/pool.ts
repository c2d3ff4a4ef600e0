/** The pool: executes many items under a total limit, and a limit and a spacing per host. */

import type { Clock, Timers } from "../core/host.ts";
import {
  type Group,
  type GroupLimits,
  type GroupThrottle,
  isIdle,
  mayStart,
  NEW_GROUP,
  Queue,
  type Turn,
} from "./group.ts";
import { rampAfterPause, rampAfterSuccess } from "./rate.ts";

export type { GroupLimits } from "./group.ts";

/** Limits of concurrency: in total, and of each group without limits of its own. */
export interface PoolLimits extends GroupLimits {
  /** Concurrent items; at least 1. */
  readonly concurrency: number;
}

/** The place of an executing item. */
export interface Slot {
  /**
   * Waits without delaying other groups: releases the item's share of `concurrency`, but not its
   * place in its group. So a host with failures receives fewer requests.
   *
   * @throws The reason of the pool's signal, once that is aborted.
   */
  rest(durationMs: number): Promise<void>;
  /**
   * Pauses the whole group for at least `durationMs`, and waits for the turn of this item. No item
   * of the group starts before the pause is over. Then one item works at a time, paused ones
   * first, and successes speed the group up again; see `rate.ts`.
   *
   * @throws The reason of the pool's signal, once that is aborted.
   */
  pause(durationMs: number): Promise<void>;
  /**
   * Waits until the group admits another request of this item: after the spacing, and not during a
   * pause.
   *
   * @throws The reason of the pool's signal, once that is aborted.
   */
  space(): Promise<void>;
  /** Reports that the host served the item. */
  succeed(): void;
  /** Whether the group was paused and has not reached its full speed again. */
  readonly isThrottled: boolean;
  /** Pauses of the group since its last success. */
  readonly pauses: number;
  /**
   * Reserves another place in the item's group, for another connection to its host. It counts
   * against `perHost`, but not against `concurrency`, which limits items.
   *
   * @returns Releases the place; null if the group is full or throttled, or one of its items could be
   * started instead.
   */
  borrow(): Disposable | null;
}

/** Options of {@linkcode gather}. */
export interface PoolOptions<Item> {
  readonly limits: PoolLimits;
  /** The group of an item: its host. Called once per item. */
  readonly groupOf: (item: Item) => string;
  /** The limits of a group, by its first item. Default: those of `limits`. */
  readonly limitsOf?: (item: Item) => GroupLimits;
  /** Executes one item. Failures are data: a rejection ends the gathering. */
  readonly work: (item: Item, slot: Slot) => Promise<void>;
  /** Once aborted, nothing more is started; running items must observe it themselves. */
  readonly signal: AbortSignal;
  readonly timers: Timers;
  readonly clock: Clock;
  /**
   * Called while a share of `concurrency` is free and no group may start an item: waits for further
   * items, which join their groups. It observes the signal itself; items that it returns later are
   * not started. Default: no more items come.
   *
   * @returns At least one item; null if no more will come.
   * @throws A rejection ends the gathering, like one of `work`.
   */
  readonly more?: () => Promise<Iterable<Item> | null>;
}

/**
 * Executes all items. Work is started only in its turn, so a waiting item costs no more than itself.
 * Groups take turns; within a group items start in order. Resolves when all started items have ended.
 *
 * @returns The items that were not started because the signal was aborted.
 * @throws The first rejection of `work`, after all started items have ended.
 */
export async function gather<Item>(
  items: Iterable<Item>,
  options: PoolOptions<Item>,
): Promise<Item[]> {
  const { limits, limitsOf = () => limits, signal, timers, clock } = options;
  const groups = new Map<string, Group<Item>>();
  /** Groups that may start an item now, in turn. */
  const ready = new Queue<Group<Item>>();
  /** Null if no more items will come. */
  let more = options.more ?? null;
  let isAwaitingMore = false;
  let waiting = 0;
  const ended = Promise.withResolvers<void>();
  /** Items that wait for a share of `concurrency` after a rest; they precede new starts. */
  const returning = new Queue<() => void>();
  const spacings = new Set<() => void>();
  /** Executing items, except resting and paused ones. */
  let active = 0;
  /** Executing items, resting and paused ones included. */
  let running = 0;
  let rounds = 0;
  let failure: { readonly reason: unknown } | null = null;

  const stopped = () => signal.aborted || failure !== null;

  const enqueue = (group: Group<Item>) => {
    if (group.isQueued || !mayStart(group)) return;
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

  const add = (added: Iterable<Item>) => {
    for (const item of added) {
      const name = options.groupOf(item);
      let group = groups.get(name);
      if (!group) {
        group = { ...NEW_GROUP, name, limits: limitsOf(item), waiting: new Queue() };
        groups.set(name, group);
        ready.push(group);
      }
      group.waiting.push(item);
      waiting++;
      enqueue(group);
    }
  };

  const addMore = async (next: () => Promise<Iterable<Item> | null>) => {
    isAwaitingMore = true;
    try {
      const added = await next();
      if (added === null) more = null;
      else add(added);
    } catch (reason) {
      fail(reason);
    }
    isAwaitingMore = false;
    fill();
  };

  class Place implements Slot {
    readonly #group: Group<Item>;
    /** The pause after which the item was started; 0 for none. */
    #round = 0;

    readonly borrow = (): Disposable | null => {
      const group = this.#group;
      // An item that waits for `concurrency` cannot use the place yet.
      const isWaitedFor = group.waiting.length > 0 && active < limits.concurrency;
      const isFull = group.active >= group.limits.perHost;
      if (stopped() || isWaitedFor || isFull || group.throttle) return null;
      group.active++;
      let isBorrowed = true;
      return {
        [Symbol.dispose]: () => {
          if (isBorrowed) vacate(group);
          isBorrowed = false;
        },
      };
    };

    constructor(group: Group<Item>) {
      this.#group = group;
    }

    get isThrottled(): boolean {
      return this.#group.throttle !== null;
    }

    get pauses(): number {
      return this.#group.throttle?.ramp.pauses ?? 0;
    }

    enter(): void {
      const group = this.#group;
      const { throttle } = group;
      active++;
      group.active++;
      this.#round = throttle?.round ?? 0;
      if (throttle) throttle.active++;
      this.#keepSpace();
    }

    /** Delays the next request to the host by the spacing. */
    #keepSpace(): void {
      const group = this.#group;
      const spacingMs = Math.max(group.limits.spacingMs, group.throttle?.ramp.gapMs ?? 0);
      if (spacingMs > 0) group.notBeforeMs = clock.monotonicMs() + spacingMs;
    }

    leave(): void {
      active--;
      const { throttle } = this.#group;
      if (throttle?.round === this.#round) throttle.active--;
      vacate(this.#group);
    }

    async rest(durationMs: number): Promise<void> {
      active--;
      fill();
      try {
        await timers.sleep(durationMs, signal);
      } finally {
        if (active < limits.concurrency) active++;
        else await new Promise<void>((resolve) => returning.push(resolve));
      }
    }

    async pause(durationMs: number): Promise<void> {
      signal.throwIfAborted();
      const group = this.#group;
      const turn = { ...Promise.withResolvers<void>(), enter: () => this.enter() };
      const throttle = pauseGroup(group, durationMs);
      throttle.waiting.push(turn);
      this.leave();
      await turn.promise;
    }

    async space(): Promise<void> {
      const group = this.#group;
      if (group.throttle?.isPaused) return await this.pause(0);
      // Another item may start at the same moment, and delays this one again.
      for (let waitMs = Infinity; waitMs > 0;) {
        waitMs = group.notBeforeMs - clock.monotonicMs();
        if (waitMs > 0) await this.rest(waitMs);
      }
      this.#keepSpace();
    }

    succeed(): void {
      const group = this.#group;
      const { throttle } = group;
      if (!throttle) return;
      if (throttle.round !== this.#round) {
        throttle.ramp = { ...throttle.ramp, pauses: 0 };
        return;
      }
      const ramp = rampAfterSuccess(throttle.ramp, group.limits.perHost);
      if (ramp) throttle.ramp = ramp;
      else if (throttle.waiting.length === 0) group.throttle = null;
      enqueue(group);
    }
  }

  /** Pauses a group, or prolongs its pause. */
  const pauseGroup = (group: Group<Item>, durationMs: number): GroupThrottle => {
    const untilMs = clock.monotonicMs() + durationMs;
    const last = group.throttle;
    if (last?.isPaused) {
      last.untilMs = Math.max(last.untilMs, untilMs);
      return last;
    }
    const ramp = rampAfterPause(last?.ramp ?? null, group.limits.perHost, durationMs);
    const now = { ramp, round: ++rounds, active: 0, untilMs, isPaused: true };
    const throttle = group.throttle = last
      ? Object.assign(last, now)
      : { ...now, waiting: new Queue<Turn>(), stop: new AbortController() };
    outlast(group, throttle, durationMs);
    return throttle;
  };

  const outlast = async (group: Group<Item>, throttle: GroupThrottle, durationMs: number) => {
    try {
      for (let waitMs = durationMs; waitMs > 0;) {
        await timers.sleep(waitMs, throttle.stop.signal);
        waitMs = throttle.untilMs - clock.monotonicMs();
      }
    } catch {
      // The paused items were released.
      return;
    }
    throttle.isPaused = false;
    enqueue(group);
    fill();
  };

  /** Ends all pauses, so that nothing waits for a start that will not come. */
  const releasePaused = (reason: unknown) => {
    for (const { throttle } of groups.values()) {
      throttle?.stop.abort(reason);
      for (let turn = throttle?.waiting.shift(); turn; turn = throttle?.waiting.shift()) {
        turn.enter();
        turn.reject(reason);
      }
    }
  };

  const fail = (reason: unknown) => {
    failure ??= { reason };
    releasePaused(reason);
  };

  const start = (group: Group<Item>) => {
    const turn = group.throttle?.waiting.shift();
    if (turn) {
      turn.enter();
      enqueue(group);
      turn.resolve();
      return;
    }
    const item = group.waiting.shift() as Item;
    waiting--;
    running++;
    const place = new Place(group);
    place.enter();
    // A full group is queued again when one of its items ends.
    enqueue(group);
    void execute(item, place);
  };

  const execute = async (item: Item, place: Place) => {
    try {
      await options.work(item, place);
    } catch (reason) {
      fail(reason);
    } finally {
      running--;
      place.leave();
    }
  };

  /** Frees a place of a group, for the next item that waits for it. */
  const vacate = (group: Group<Item>) => {
    group.active--;
    enqueue(group);
    // Over time, further items may be of very many groups.
    if (more !== null && isIdle(group, clock.monotonicMs())) groups.delete(group.name);
    fill();
  };

  let filling = false;
  const fill = () => {
    // Work that rests immediately calls this from within `start`; the outer loop continues.
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
      // Its places may have been borrowed, or it may have been paused; it is queued again then.
      if (mayStart(group)) start(group);
    }
    filling = false;
    const isFree = more !== null && !isAwaitingMore && active < limits.concurrency;
    if (more !== null && isFree && !stopped()) void addMore(more);
    // A caller that waits for more items does not learn of a failure.
    const isOver = isAwaitingMore ? failure !== null : stopped() || (more ?? waiting) === 0;
    if (running === 0 && isOver) ended.resolve();
  };

  const abort = () => {
    releasePaused(signal.reason);
    fill();
  };
  signal.addEventListener("abort", abort);
  add(items);
  fill();
  await ended.promise;
  signal.removeEventListener("abort", abort);
  for (const cancel of spacings) cancel();
  if (failure) throw (failure as { readonly reason: unknown }).reason;
  return [...groups.values()].flatMap((group) => [...group.waiting]);
}
