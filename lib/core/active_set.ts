/** The objects in use at a time: few of them, but very many in the course of a run. */

/**
 * A small set that objects enter and leave all the time. A `Set` would keep them from being
 * collected early: when V8 replaces the table of a set, the old table still refers to its elements,
 * and to the next table. Once one of them is in the old generation, so are all that follow, with
 * everything they refer to, until the next full collection.
 */
export class ActiveSet<T extends object> {
  readonly #members: T[] = [];

  /** Number of members. */
  get size(): number {
    return this.#members.length;
  }

  /** Adds a member, which must not be in the set. */
  add(member: T): void {
    this.#members.push(member);
  }

  /** Removes a member, if it is in the set. Takes time in proportion to the size. */
  delete(member: T): void {
    const index = this.#members.indexOf(member);
    if (index < 0) return;
    const last = this.#members.pop();
    if (last !== undefined && last !== member) this.#members[index] = last;
  }

  /** The members in any order; those of the time of the call, whatever happens to the set. */
  all(): T[] {
    return [...this.#members];
  }
}
