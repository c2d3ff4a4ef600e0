/** Leases: which run works on which tasks, until when. Pure. */

/** What a run holds. */
export interface Lease {
  /** When it ends by itself, milliseconds since the epoch. From then on it is as good as gone. */
  readonly expiresMs: number;
  /** Ids of the tasks held. */
  readonly tasks: readonly string[];
}

/** Every lease, by the run's id. */
export type Leases = ReadonlyMap<string, Lease>;

/** A run's wish for tasks. */
export interface LeaseRequest {
  /** The run's id. */
  readonly run: string;
  /** Ids of the tasks wanted. */
  readonly tasks: ReadonlySet<string>;
  /** The wall clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** How long the lease is to hold. */
  readonly ttlMs: number;
}

/** Parts the tasks wanted into those the run has already, those it can have, and those of others. */
export function share(
  leases: Iterable<readonly [run: string, tasks: Iterable<string>]>,
  { run, tasks }: Pick<LeaseRequest, "run" | "tasks">,
): { readonly held: Set<string>; readonly free: Set<string> } {
  const held = new Set<string>();
  const free = new Set(tasks);
  for (const [holder, leased] of leases) {
    for (const task of leased) {
      if (free.delete(task) && holder === run) held.add(task);
    }
  }
  return { held, free };
}

/** Leaves out the leases that have ended. */
export function liveLeases(leases: Leases, nowMs: number): Leases {
  return new Map([...leases].filter(([, { expiresMs }]) => expiresMs > nowMs));
}

/** Gives a run what no live run holds of the tasks it wants. */
export function acquireLease(
  leases: Leases,
  request: LeaseRequest,
): { readonly leases: Leases; readonly granted: Set<string> } {
  const { run, nowMs, ttlMs } = request;
  const live = liveLeases(leases, nowMs);
  const { held, free } = share([...live].map(([holder, { tasks }]) => [holder, tasks]), request);
  const granted = held.union(free);
  if (granted.size === 0) return { leases: live, granted };
  const tasks = [...live.get(run)?.tasks ?? [], ...free];
  return { leases: new Map([...live, [run, { expiresMs: nowMs + ttlMs, tasks }]]), granted };
}

/** Prolongs a run's lease. Null: it has ended before. */
export function renewLease(
  leases: Leases,
  { run, nowMs, ttlMs }: Omit<LeaseRequest, "tasks">,
): Leases | null {
  const live = liveLeases(leases, nowMs);
  const lease = live.get(run);
  return lease ? new Map([...live, [run, { ...lease, expiresMs: nowMs + ttlMs }]]) : null;
}

/** Ends a run's lease. */
export function releaseLease(leases: Leases, run: string): Leases {
  return new Map([...leases].filter(([holder]) => holder !== run));
}
