/** The dispatch among the workers of one process. */

import type { Clock } from "../core/host.ts";
import { type Claim, type Dispatch, MIN_LEASE_MS } from "./dispatch.ts";

/** A claimed host. */
interface Lease {
  readonly fence: number;
  /** Wall-clock time in milliseconds. */
  untilMs: number;
}

/** A dispatch in memory. Every operation takes effect immediately. */
export class MemoryDispatch implements Dispatch {
  readonly leaseMs: number;
  readonly #clock: Pick<Clock, "now">;
  /** In the order in which they began to wait. */
  readonly #waiting = new Set<string>();
  /** Hosts that wait until a wall-clock time in milliseconds. */
  readonly #parked = new Map<string, number>();
  readonly #claimed = new Map<string, Lease>();
  #lastFence = 0;

  /**
   * @param leaseMs Duration of a lease in milliseconds.
   * @throws {RangeError} It is shorter than {@linkcode MIN_LEASE_MS}.
   */
  constructor(leaseMs: number, clock: Pick<Clock, "now">) {
    if (!(leaseMs >= MIN_LEASE_MS)) throw new RangeError(`a lease of ${leaseMs} ms is too short`);
    this.leaseMs = leaseMs;
    this.#clock = clock;
  }

  announce(hosts: Iterable<string>): Promise<number> {
    let added = 0;
    for (const host of hosts) {
      if (this.#waiting.has(host) || this.#parked.has(host) || this.#claimed.has(host)) continue;
      this.#waiting.add(host);
      added++;
    }
    return Promise.resolve(added);
  }

  claim(_worker: string, limit: number): Promise<Claim[]> {
    const nowMs = this.#nowMs();
    for (const [host, untilMs] of this.#parked) if (untilMs <= nowMs) this.#wait(host);
    for (const [host, { untilMs }] of this.#claimed) if (untilMs <= nowMs) this.#wait(host);
    const hosts = this.#waiting.values().take(limit).toArray();
    return Promise.resolve(hosts.map((host) => {
      const fence = ++this.#lastFence;
      this.#waiting.delete(host);
      this.#claimed.set(host, { fence, untilMs: nowMs + this.leaseMs });
      return { host, fence };
    }));
  }

  renew(claims: readonly Claim[]): Promise<Claim[]> {
    const untilMs = this.#nowMs() + this.leaseMs;
    return Promise.resolve(claims.filter((claim) => {
      const lease = this.#leaseOf(claim);
      if (lease !== null) lease.untilMs = untilMs;
      return lease !== null;
    }));
  }

  finish(claim: Claim): Promise<boolean> {
    if (this.#leaseOf(claim) === null) return Promise.resolve(false);
    return Promise.resolve(this.#claimed.delete(claim.host));
  }

  async park(claim: Claim, until: Temporal.Instant): Promise<boolean> {
    if (!await this.finish(claim)) return false;
    this.#parked.set(claim.host, until.epochMilliseconds);
    return true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #nowMs(): number {
    return this.#clock.now().epochMilliseconds;
  }

  #wait(host: string): void {
    this.#parked.delete(host);
    this.#claimed.delete(host);
    this.#waiting.add(host);
  }

  /** The lease of a claim; null if it has ended. */
  #leaseOf({ host, fence }: Claim): Lease | null {
    const lease = this.#claimed.get(host);
    return lease?.fence === fence && lease.untilMs > this.#nowMs() ? lease : null;
  }
}
