/**
 * Proof that runs of this machine live: a file beside the state for each,
 * locked by the operating system until the run's process ends, however that
 * ends. So the leases of a killed run are free at once; those of a state that
 * is no file, or on a disk without locks, end by their time.
 *
 * The file is created and locked before the run's lease is written, and removed
 * after the lease. A lease without a file is therefore one of a dead run: the
 * process that was taking over its tasks, and had removed the file, was killed
 * before it removed the lease.
 */

/** The locks of the runs of one state in a file. */
export class RunLocks {
  readonly #statePath: string | null;
  readonly #held = new Map<string, Deno.FsFile>();

  /** Keeps locks beside the file at `statePath`; without one, keeps and proves nothing. */
  constructor(statePath: string | null) {
    this.#statePath = statePath;
  }

  /** Shows that a run lives. Call it before a lease of the run is visible to other processes. */
  async hold(run: string): Promise<void> {
    const path = this.#pathOf(run);
    if (path === null || this.#held.has(run)) return;
    const file = await Deno.open(path, { read: true, write: true, create: true });
    this.#held.set(run, file);
    // Where locks are unknown, nobody can take one, and only time ends a lease.
    await file.tryLock(true).catch(() => false);
  }

  /** Whether a run is known to have died. */
  async isDead(run: string): Promise<boolean> {
    const path = this.#pathOf(run);
    if (path === null || this.#held.has(run)) return false;
    try {
      using file = await Deno.open(path, { read: true, write: true });
      return await file.tryLock(true);
    } catch (error) {
      return error instanceof Deno.errors.NotFound;
    }
  }

  /** Removes what shows that a run lives, or what a dead one has left. */
  async drop(run: string): Promise<void> {
    const path = this.#pathOf(run);
    if (path === null) return;
    await Deno.remove(path).catch(() => {});
    this.#held.get(run)?.close();
    this.#held.delete(run);
  }

  /** Drops every run that is held. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const run of [...this.#held.keys()]) await this.drop(run);
  }

  #pathOf(run: string): string | null {
    return this.#statePath === null
      ? null
      : `${this.#statePath}.run-${run.replaceAll(/[^\w.-]/g, "")}`;
  }
}
