/**
 * Fences: they keep late writes out. A worker that was suspended for longer than its lease may write only
 * if no other one has claimed the host since.
 */

import type { Query } from "./pool.ts";

/** A claim of a host; see `Dispatch`. */
export interface FencedClaim {
  /** The claimed host. */
  readonly host: string;
  /** Grows with every claim of the host. */
  readonly fence: number;
}

/** Guarded tasks. Disposal ends the guard: flush their changes before. */
export interface Guard extends Disposable {
  /** Whether a write found that the claim is no longer valid, and dropped changes. */
  isLost(): boolean;
}

interface GuardedClaim extends FencedClaim {
  isLost: boolean;
}

/** The guards of one process. */
export class Fences {
  readonly #claims = new Set<GuardedClaim>();
  readonly #claimOf = new Map<string, GuardedClaim>();
  #table = "";

  /** See `FleetState.guard`. */
  guard(table: string, { host, fence }: FencedClaim, tasks: Iterable<string>): Guard {
    const claim: GuardedClaim = { host, fence, isLost: false };
    const guarded = [...tasks];
    this.#table = table;
    this.#claims.add(claim);
    for (const task of guarded) this.#claimOf.set(task, claim);
    return {
      isLost: () => claim.isLost,
      [Symbol.dispose]: () => {
        this.#claims.delete(claim);
        for (const task of guarded) {
          if (this.#claimOf.get(task) === claim) this.#claimOf.delete(task);
        }
      },
    };
  }

  /**
   * Locks the claims of the guards until the end of the transaction, so that no host is claimed
   * meanwhile.
   *
   * @returns Whether the changes of a task may be written; true for tasks without a guard.
   */
  async check(query: Query): Promise<(task: string) => boolean> {
    const claims = [...this.#claims].filter(({ isLost }) => !isLost);
    if (claims.length > 0) {
      const rows = await query<{ readonly host: string; readonly fence: number }>(
        // Sorted, so that two writers that share hosts wait for each other instead of a deadlock.
        `SELECT host, fence::float8 AS fence FROM ${this.#table}
        WHERE host IN (SELECT jsonb_array_elements_text($1::jsonb)) ORDER BY host FOR SHARE`,
        [JSON.stringify(claims.map(({ host }) => host))],
      );
      const fences = new Map(rows.map(({ host, fence }) => [host, fence]));
      for (const claim of claims) claim.isLost = fences.get(claim.host) !== claim.fence;
    }
    return (task) => this.#claimOf.get(task)?.isLost !== true;
  }
}
