/**
 * A worker: claims hosts, executes a slice of each, renews the leases meanwhile, and finishes them.
 *
 * The dispatch decides when a lease ends; a worker that cannot reach it, or was suspended, has to know
 * by itself. It counts from before the call that began or renewed the lease, by its monotonic clock,
 * and stops at two thirds of the duration: the last third covers a slow abort and the drift of clocks.
 */

import { CronfetchError } from "../core/errors.ts";
import type { Clock, Timers } from "../core/host.ts";
import type { Claim, Dispatch } from "./dispatch.ts";

/** How a slice ended. */
export type SliceEnd =
  /** Its tasks have their outcomes; `isMore` if tasks of the host are still due. */
  | { readonly kind: "done"; readonly isMore: boolean }
  /** The host requested a pause that is too long to wait for. */
  | { readonly kind: "parked"; readonly until: Temporal.Instant };

/** A held host, for the execution of its slice. */
export interface HeldHost {
  readonly claim: Claim;
  /** Aborted when the lease is too old or lost, and with the signal of the worker. */
  readonly signal: AbortSignal;
  /**
   * Whether a request may start. A process that was suspended may run other callbacks before the timer
   * that aborts `signal`; this compares the clock, and aborts it.
   */
  mayStart(): boolean;
  /** Whether the host is this worker's for sure. If not, the slice is aborted. */
  isValid(): boolean;
}

/** What a worker reports. */
export type WorkerEvent =
  | { readonly kind: "claimed"; readonly claim: Claim }
  | { readonly kind: "finished"; readonly claim: Claim }
  /** The lease is too old or lost, and the slice was aborted. Another worker continues. */
  | { readonly kind: "lost"; readonly claim: Claim }
  /** The dispatch cannot be reached; reported once, until `recovered`. */
  | { readonly kind: "failing"; readonly error: CronfetchError }
  | { readonly kind: "recovered" };

/** What a worker uses. */
export interface WorkerContext {
  readonly dispatch: Dispatch;
  /** Name of the worker, for people. */
  readonly name: string;
  /** Hosts that it holds at a time, at most; at least 1. */
  readonly hosts: number;
  /**
   * Executes a slice.
   *
   * @throws A bug, which ends the worker once its other slices have ended.
   */
  readonly execute: (held: HeldHost) => Promise<SliceEnd>;
  readonly emit: (event: WorkerEvent) => void;
  readonly clock: Clock;
  readonly timers: Timers;
  /** No host is claimed after this is aborted; the slices continue. */
  readonly stop: AbortSignal;
  /** Aborts the slices. */
  readonly signal: AbortSignal;
  /** End as soon as no host is waiting and none is held. Default: look again. */
  readonly once?: boolean;
}

/** How long a worker without hosts waits before it looks again, in milliseconds. */
const POLL_MS = 1_000;
/** The longest wait between two calls of a dispatch that fails. */
const MAX_RETRY_MS = 30_000;

/**
 * Works until `stop` is aborted, and its slices have ended. A dispatch that cannot be reached is waited
 * for, however long.
 */
export async function work(context: WorkerContext): Promise<void> {
  await new Worker(context).work();
}

/** A lease as its worker knows it. */
class Lease implements HeldHost {
  readonly claim: Claim;
  readonly #controller = new AbortController();
  readonly #context: WorkerContext;
  #aliveUntilMs: number;
  #isLost = false;
  #cancelTimer = () => {};

  /** @param sinceMs Monotonic time before the claim was sent. */
  constructor(claim: Claim, sinceMs: number, context: WorkerContext) {
    this.claim = claim;
    this.#context = context;
    this.#aliveUntilMs = sinceMs;
    this.extend(sinceMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** @param sinceMs Monotonic time before the renewal was sent. */
  extend(sinceMs: number): void {
    if (this.#isLost) return;
    const { clock, timers, dispatch: { leaseMs } } = this.#context;
    this.#aliveUntilMs = sinceMs + leaseMs * 2 / 3;
    this.#cancelTimer();
    this.#cancelTimer = timers.after(
      Math.max(0, this.#aliveUntilMs - clock.monotonicMs()),
      () => void this.isValid(),
    );
  }

  mayStart(): boolean {
    return this.isValid() && !this.signal.aborted;
  }

  isValid(): boolean {
    if (this.#context.clock.monotonicMs() >= this.#aliveUntilMs) this.lose();
    return !this.#isLost;
  }

  /** Aborts the slice: the host may be another worker's. */
  lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    const message = `the lease of ${this.claim.host} ended; another worker continues`;
    this.#controller.abort(new CronfetchError("cancelled", message));
    this.#context.emit({ kind: "lost", claim: this.claim });
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  end(): void {
    this.#cancelTimer();
  }
}

class Worker {
  readonly #context: WorkerContext;
  readonly #held = new Map<number, Lease>();
  readonly #running = new Set<Promise<void>>();
  #isFailing = false;
  #bug: { readonly reason: unknown } | null = null;
  /** Wakes the loop. */
  #wake = Promise.withResolvers<void>();

  constructor(context: WorkerContext) {
    this.#context = context;
  }

  async work(): Promise<void> {
    const { stop, signal } = this.#context;
    const wake = () => this.#wake.resolve();
    const abort = () => {
      for (const lease of this.#held.values()) lease.abort(signal.reason);
      wake();
    };
    const cancelRenewals = this.#renewRegularly();
    stop.addEventListener("abort", wake);
    signal.addEventListener("abort", abort);
    try {
      await this.#claimUntilStopped();
      while (this.#running.size > 0) await Promise.all(this.#running);
    } finally {
      cancelRenewals();
      stop.removeEventListener("abort", wake);
      signal.removeEventListener("abort", abort);
    }
    if (this.#bug) throw this.#bug.reason;
  }

  async #claimUntilStopped(): Promise<void> {
    const { dispatch, name, hosts, stop, signal, once = false, clock } = this.#context;
    let retryMs = POLL_MS;
    while (!stop.aborted && !signal.aborted && this.#bug === null) {
      const free = hosts - this.#held.size;
      if (free <= 0) {
        await this.#sleep(Infinity);
        continue;
      }
      const sinceMs = clock.monotonicMs();
      const claims = await this.#attempt(() => dispatch.claim(name, free));
      if (claims === null) {
        await this.#sleep(retryMs);
        retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
        continue;
      }
      retryMs = POLL_MS;
      for (const claim of claims) this.#start(claim, sinceMs);
      if (claims.length > 0) continue;
      if (once && this.#held.size === 0) return;
      await this.#sleep(POLL_MS);
    }
  }

  #start(claim: Claim, sinceMs: number): void {
    const { emit, signal } = this.#context;
    const lease = new Lease(claim, sinceMs, this.#context);
    this.#held.set(claim.fence, lease);
    emit({ kind: "claimed", claim });
    if (signal.aborted) lease.abort(signal.reason);
    const running = this.#execute(lease).catch((reason) => {
      this.#bug ??= { reason };
    }).finally(() => {
      lease.end();
      this.#held.delete(claim.fence);
      this.#running.delete(running);
      this.#wake.resolve();
    });
    this.#running.add(running);
  }

  async #execute(lease: Lease): Promise<void> {
    const { dispatch, execute, emit } = this.#context;
    const { claim } = lease;
    const end = await execute(lease);
    const finish = () =>
      end.kind === "parked" ? dispatch.park(claim, end.until) : dispatch.finish(claim);
    for (let retryMs = POLL_MS; lease.isValid(); retryMs *= 2) {
      const finished = await this.#attempt(finish);
      if (finished === null) {
        // The end of the grace period does not wait for the dispatch.
        if (lease.signal.aborted) return;
        await this.#context.timers.sleep(retryMs, lease.signal).catch(() => {});
        continue;
      }
      if (!finished) return lease.lose();
      emit({ kind: "finished", claim });
      // If this fails, the next planning announces the host.
      const { host } = claim;
      if (end.kind === "done" && end.isMore) await this.#attempt(() => dispatch.announce([host]));
      return;
    }
  }

  /** Renews all leases each third of their duration, and sooner after a failure. */
  #renewRegularly(): () => void {
    const { timers, dispatch: { leaseMs } } = this.#context;
    let cancel = () => {};
    let isOver = false;
    const schedule = (waitMs: number) => {
      if (isOver) return;
      cancel = timers.after(waitMs, async () => {
        const isRenewed = await this.#renew();
        schedule(isRenewed ? leaseMs / 3 : leaseMs / 12);
      });
    };
    schedule(leaseMs / 3);
    return () => {
      isOver = true;
      cancel();
    };
  }

  async #renew(): Promise<boolean> {
    const { clock, dispatch } = this.#context;
    const leases = [...this.#held.values()].filter((lease) => lease.isValid());
    if (leases.length === 0) return true;
    const sinceMs = clock.monotonicMs();
    const renewed = await this.#attempt(() => dispatch.renew(leases.map(({ claim }) => claim)));
    if (renewed === null) return false;
    const fences = new Set(renewed.map(({ fence }) => fence));
    for (const lease of leases) {
      if (fences.has(lease.claim.fence)) lease.extend(sinceMs);
      // A slice that has finished meanwhile is not lost.
      else if (this.#held.has(lease.claim.fence)) lease.lose();
    }
    return true;
  }

  /** Calls the dispatch. Returns null if it cannot be reached. */
  async #attempt<Result>(call: () => Promise<Result>): Promise<Result | null> {
    const { emit } = this.#context;
    try {
      const result = await call();
      if (this.#isFailing) emit({ kind: "recovered" });
      this.#isFailing = false;
      return result;
    } catch (error) {
      if (!(error instanceof CronfetchError)) throw error;
      if (!this.#isFailing) emit({ kind: "failing", error });
      this.#isFailing = true;
      return null;
    }
  }

  /** Waits until the time is over, a slice has ended, or the worker is stopped. */
  async #sleep(durationMs: number): Promise<void> {
    const { timers, stop, signal } = this.#context;
    this.#wake = Promise.withResolvers();
    if (stop.aborted || signal.aborted || this.#bug) return;
    const cancel = durationMs === Infinity
      ? () => {}
      : timers.after(durationMs, () => this.#wake.resolve());
    await this.#wake.promise;
    cancel();
  }
}
