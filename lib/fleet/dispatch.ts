/**
 * The dispatch of a fleet: which worker executes the due tasks of which origin host.
 *
 * Hosts are dispatched, not tasks. One worker at a time holds a host, so the limit, the spacing and
 * the pauses of a host apply over the whole fleet with the pool of one process, and its connections
 * are reused. What is due at a host is in the state; the dispatch never has it.
 */

/** Shortest duration of a lease, in milliseconds: a busy machine suspends a worker for seconds. */
export const MIN_LEASE_MS = 10_000;

/** A host that a worker holds until its lease ends. */
export interface Claim {
  /** Name of the host, with its port unless that is the default one. */
  readonly host: string;
  /**
   * Grows with every claim of the host. A record is written only while the claim with its fence is
   * the last one of the host, so that a worker that was suspended beyond its lease writes nothing.
   */
  readonly fence: number;
}

/**
 * Distributes hosts to workers. A host is unknown, waiting (perhaps until a time), or claimed.
 *
 * The driver's clock decides when a lease ends: one clock for all workers. A worker judges its own
 * lease by its monotonic clock, from before the call that began or renewed it.
 *
 * Every call may reject with a `CronfetchError`: `store.failed` if the database is unavailable, and
 * another call may then succeed. A call that was rejected may have taken effect: repeating `announce`,
 * `renew` and `finish` is harmless, and what a rejected `claim` has claimed waits again after its
 * lease.
 */
export interface Dispatch extends AsyncDisposable {
  /** How long a claim is held without being renewed, in milliseconds. */
  readonly leaseMs: number;
  /**
   * Makes hosts wait for a worker. A host that is waiting or claimed is left as it is: a worker looks
   * for more due tasks before it finishes, and the next planning finds what comes due in between.
   *
   * @param hosts Their names; of each at most one counts.
   * @returns How many are waiting now that were not before.
   */
  announce(hosts: Iterable<string>): Promise<number>;
  /**
   * Claims hosts that are waiting, or whose leases have ended: those that have waited longest first.
   *
   * @param worker Name of the worker, for people.
   * @param limit Maximum number of hosts; at least 1.
   */
  claim(worker: string, limit: number): Promise<Claim[]>;
  /**
   * Extends the leases of claims to {@linkcode Dispatch.leaseMs} from now.
   *
   * @returns Those that are still valid; the hosts of the others may be claimed by other workers.
   */
  renew(claims: readonly Claim[]): Promise<Claim[]>;
  /**
   * Ends a claim. The host is unknown afterwards.
   *
   * @returns False if the claim was lost before; nothing is changed then.
   */
  finish(claim: Claim): Promise<boolean>;
  /**
   * Ends a claim, and makes the host wait until a time at least, for a host that requested a pause.
   *
   * @returns False if the claim was lost before; nothing is changed then.
   */
  park(claim: Claim, until: Temporal.Instant): Promise<boolean>;
}
