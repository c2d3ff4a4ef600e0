/** The groups of the pool: the waiting and the executing items of one host. */

import type { Ramp } from "./rate.ts";

/** Limits of one group. */
export interface GroupLimits {
  /** Concurrent items of the group, and the places they borrow; at least 1. */
  readonly perHost: number;
  /** Milliseconds between two starts in the group. */
  readonly spacingMs: number;
}

/** Items of one host. */
export interface Group<Item> {
  readonly name: string;
  readonly limits: GroupLimits;
  readonly waiting: Queue<Item>;
  /** Places in use: executing items, resting ones included, and borrowed places. */
  active: number;
  /** The group is queued to start an item, or will be when its spacing is over. */
  isQueued: boolean;
  /** Monotonic time before which no item of the group starts. */
  notBeforeMs: number;
  /** Null unless the group was paused and has not reached its full speed again. */
  throttle: GroupThrottle | null;
}

/** A group without items, but queued. */
export const NEW_GROUP = {
  active: 0,
  isQueued: true,
  notBeforeMs: -Infinity,
  throttle: null,
} as const;

/** A group that was paused. */
export interface GroupThrottle {
  ramp: Ramp;
  /** Identifies the last pause. */
  round: number;
  /** Executing items that were started since the last pause. */
  active: number;
  /** Monotonic time before which no item starts. */
  untilMs: number;
  isPaused: boolean;
  /** Items that wait for the end of the pause, and then for their turn. */
  readonly waiting: Queue<Turn>;
  /** Ends the wait for the end of the pause. */
  readonly stop: AbortController;
}

/** The turn of a paused item. */
export interface Turn extends PromiseWithResolvers<void> {
  readonly enter: () => void;
}

/** Whether a group has an item that it may start. */
export function mayStart<Item>({ limits, waiting, active, throttle }: Group<Item>): boolean {
  if (active >= limits.perHost) return false;
  if (throttle === null) return waiting.length > 0;
  return !throttle.isPaused && throttle.active < throttle.ramp.allowed &&
    waiting.length + throttle.waiting.length > 0;
}

/** Whether a new group would be the same, so that this one may be forgotten. */
export function isIdle<Item>(
  { active, isQueued, waiting, throttle, notBeforeMs }: Group<Item>,
  nowMs: number,
): boolean {
  return active === 0 && !isQueued && waiting.length === 0 && throttle === null &&
    notBeforeMs <= nowMs;
}

/** First in, first out; each operation takes constant amortized time. */
export class Queue<T> {
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
    // Removed items are released in large steps, to amortize the copy.
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
