/** The outboxes of tasks: changes that their hooks have not received, claimed before publication. */

import type { Host } from "../core/host.ts";
import type { Task } from "../core/task.ts";
import type { ChangeClaim } from "../download/family.ts";
import { publishedDigest } from "../download/publish.ts";
import type { Delivery, State } from "../state/state.ts";
import type { Store } from "../store/store.ts";

/** What an outbox uses. */
export interface OutboxContext {
  /** Id of the run. */
  readonly run: string;
  readonly host: Pick<Host, "clock" | "random">;
  readonly state: Pick<State, "deliveries" | "saveDelivery" | "removeDelivery" | "flush">;
  readonly store: Pick<Store, "stat" | "digest">;
  readonly signal: AbortSignal;
}

/**
 * The outboxes of the tasks that are leased to a run.
 *
 * A change is claimed in the state before its file is published, and confirmed in the batch that has
 * the record. If the process ends in between, the digest of the stored file shows whether it was
 * published. So a published file is in an outbox at any moment, and no change is lost.
 */
export class Outbox {
  readonly #context: OutboxContext;
  /** By task, each sorted by time. No other process changes those of leased tasks. */
  readonly #outboxes: Map<string, Delivery[]>;
  /** Claims of this run whose tasks have no result yet, by task. */
  readonly #claims = new Map<string, Delivery>();

  private constructor(context: OutboxContext, outboxes: Map<string, Delivery[]>) {
    this.#context = context;
    this.#outboxes = outboxes;
  }

  /**
   * Reads all outboxes at once.
   *
   * @throws {CronfetchError} `state.` and `store.` codes.
   */
  static async open(context: OutboxContext): Promise<Outbox> {
    return new Outbox(context, await context.state.deliveries(null));
  }

  /**
   * Reads the outboxes of tasks again that are leased only now.
   *
   * @throws {CronfetchError} `state.` and `store.` codes.
   */
  async refresh(tasks: readonly Pick<Task, "id">[]): Promise<void> {
    const ids = tasks.map(({ id }) => id);
    const found = await this.#context.state.deliveries(ids);
    for (const id of ids) this.#outboxes.set(id, found.get(id) ?? []);
  }

  /** Ids of the tasks that have or had an outbox. */
  tasks(): Iterable<string> {
    return this.#outboxes.keys();
  }

  /** Whether the next attempt of a task may be made: its first change decides, for the order. */
  isDue({ id }: Pick<Task, "id">): boolean {
    return isDue(this.#outboxes.get(id), this.#context.host.clock.now());
  }

  /**
   * Claims a change, and waits until the state has it.
   *
   * @throws {CronfetchError} `state.` and `store.` codes; the file must not be published then.
   */
  async claim({ id: task }: Pick<Task, "id">, change: ChangeClaim): Promise<void> {
    const { run, host: { clock, random }, state } = this.#context;
    // An attempt that failed while it published has left a claim, too.
    this.#claims.delete(task);
    const last = (await this.pending(task)).at(-1);
    const { status, url, ...file } = change;
    const now = clock.now();
    const delivery: Delivery = {
      id: nextId(last?.id, now, random.name()),
      ...{ status, run, url, files: [file], claimedAt: now.toString(), publishedAt: null },
      ...{ received: [], failures: 0, retryAt: null, message: null },
    };
    this.save(task, delivery);
    await state.flush();
    this.#claims.set(task, delivery);
  }

  /**
   * Confirms the claim of a task that has a result.
   *
   * @param publishedAt When its record was saved; null if it was not, or nothing was published.
   * @returns Whether the task had a claim.
   */
  settle(task: string, publishedAt: string | null): boolean {
    const claim = this.#claims.get(task);
    if (claim === undefined) return false;
    this.#claims.delete(task);
    if (publishedAt !== null) this.save(task, { ...claim, publishedAt });
    return true;
  }

  /**
   * The outbox of a task. Claims of crashed runs are resolved: by the digest of the stored file they
   * become changes, or are removed.
   *
   * @returns Sorted by time.
   * @throws {CronfetchError} `state.` and `store.` codes.
   */
  async pending(task: string): Promise<readonly Delivery[]> {
    for (const delivery of this.#outboxes.get(task) ?? []) {
      if (delivery.publishedAt !== null) continue;
      if (await this.#isPublished(delivery)) {
        const publishedAt = this.#context.host.clock.now().toString();
        this.save(task, { ...delivery, publishedAt });
      } else {
        this.remove(task, delivery.id);
      }
    }
    return this.#outboxes.get(task) ?? [];
  }

  /** Saves a change, replacing the one with the same id. */
  save(task: string, delivery: Delivery): void {
    const others = (this.#outboxes.get(task) ?? []).filter(({ id }) => id !== delivery.id);
    const all = [...others, delivery].sort((a, b) => a.id < b.id ? -1 : 1);
    this.#outboxes.set(task, all);
    this.#context.state.saveDelivery(task, delivery);
  }

  /** Removes a change. */
  remove(task: string, id: string): void {
    const all = this.#outboxes.get(task) ?? [];
    this.#outboxes.set(task, all.filter((delivery) => delivery.id !== id));
    this.#context.state.removeDelivery(task, id);
  }

  async #isPublished({ files }: Delivery): Promise<boolean> {
    const { store, signal } = this.#context;
    for (const { key, sha256 } of files) {
      if (await publishedDigest(store, key, signal) === sha256) return true;
    }
    return false;
  }
}

/** See {@linkcode Outbox.isDue}. */
export function isDue(
  outbox: readonly Delivery[] | undefined,
  now: Temporal.Instant,
): boolean {
  const [first] = outbox ?? [];
  if (first === undefined) return false;
  return first.retryAt === null || Temporal.Instant.compare(first.retryAt, now) <= 0;
}

/** An id after the last one, even if the clock was set back. */
function nextId(last: string | undefined, now: Temporal.Instant, name: string): string {
  const lastMs = last === undefined
    ? 0
    : Temporal.Instant.from(last.slice(0, 24)).epochMilliseconds;
  const ms = Math.max(now.epochMilliseconds, lastMs + 1);
  return `${new Date(ms).toISOString()}-${name.slice(0, 12)}`;
}
