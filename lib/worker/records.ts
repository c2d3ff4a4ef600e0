/** The records of a run's tasks: read all at once, or again in batches shortly before their tasks start. */

import type { Task } from "../core/task.ts";
import { MOST_AT_ONCE } from "../state/record.ts";
import type { State, TaskRecord } from "../state/state.ts";

/** The part of a state that has the records. */
type RecordState = Pick<State, "records" | "batchSize">;

/** Records read ahead over all origins, at most; each takes about two kilobytes. */
const READ_AHEAD = 2_000;

/** Smallest batch, for tasks of very many origins. */
const SMALLEST_BATCH = 10;

/** Tasks whose records are read in the order in which the tasks start. */
interface Queue {
  /** Ids of all tasks. */
  readonly tasks: string[];
  /** Number of tasks whose records were read. */
  next: number;
  /**
   * Records that were read and not released. Each batch makes a new map: a map that is used for long
   * is promoted by the garbage collector, and with it everything that was ever in it.
   */
  records: Map<string, TaskRecord | null>;
  reading: Promise<void> | null;
}

/**
 * Reads the records of a run's tasks, and keeps them until {@linkcode TaskRecords.release}. Of more
 * tasks than {@linkcode MOST_AT_ONCE} in a state with a `batchSize`, only the next records of each
 * origin are in memory.
 */
export class TaskRecords {
  readonly #state: RecordState;
  readonly #batchSize: number;
  /** By origin; a single queue if everything is read at once. */
  readonly #queues: ReadonlyMap<string, Queue>;
  readonly #serverKeys = new Map<string, string>();

  private constructor(tasks: readonly Task[], state: RecordState) {
    this.#state = state;
    const { batchSize } = state;
    if (batchSize === undefined || tasks.length <= MOST_AT_ONCE) {
      this.#batchSize = Infinity;
      this.#queues = new Map([["", emptyQueue(tasks.map(({ id }) => id))]]);
    } else {
      const queues = new Map<string, Queue>();
      for (const task of tasks) {
        queues.getOrInsertComputed(originOf(task), () => emptyQueue([])).tasks.push(task.id);
      }
      this.#queues = queues;
      const share = Math.ceil(READ_AHEAD / queues.size);
      this.#batchSize = Math.max(SMALLEST_BATCH, Math.min(batchSize, share));
    }
  }

  /**
   * Reads the records of tasks that are leased to the run, so that all are known to be readable.
   *
   * @param tasks In the order in which the tasks of one origin start.
   * @throws {CronfetchError} `state.` and `store.` codes.
   */
  static async open(tasks: readonly Task[], state: RecordState): Promise<TaskRecords> {
    const opened = new TaskRecords(tasks, state);
    const named = new Set(tasks.filter(({ namedByServer }) => namedByServer).map(({ id }) => id));
    const queue = opened.#queues.get("");
    if (opened.#batchSize === Infinity && queue !== undefined) {
      await opened.#readNext(queue);
      opened.#keepServerKeys(named, queue.records);
    } else {
      await opened.#check(tasks, named);
    }
    return opened;
  }

  /** The record of a task, or null. A promise if it was not read yet. */
  recordOf(task: Task): TaskRecord | null | Promise<TaskRecord | null> {
    const queue = this.#queueOf(task);
    const record = queue.records.get(task.id);
    return record === undefined ? this.#wait(task.id, queue) : record;
  }

  /** Removes the record of a task that has its result, and reads more if few are left. */
  release(task: Task): void {
    const queue = this.#queueOf(task);
    queue.records.delete(task.id);
    if (queue.reading !== null || queue.next === queue.tasks.length) return;
    if (queue.records.size > this.#batchSize / 2) return;
    // The task that needs the record reads it again, and reports the error.
    this.#readNext(queue).catch(() => {});
  }

  /** Key under which the last file of a task was published, if a server named it. */
  serverKeyOf(task: string): string | undefined {
    return this.#serverKeys.get(task);
  }

  #queueOf(task: Task): Queue {
    const origin = this.#batchSize === Infinity ? "" : originOf(task);
    const queue = this.#queues.get(origin);
    if (queue === undefined) throw new TypeError("the record of a task that is not leased");
    return queue;
  }

  async #wait(task: string, queue: Queue): Promise<TaskRecord | null> {
    for (;;) {
      const record = queue.records.get(task);
      if (record !== undefined) return record;
      await (queue.reading ?? this.#readNext(queue, task));
    }
  }

  /**
   * Reads the next batch of a queue, or from a task on. A task before the next ones is read alone:
   * the leases were lost and acquired again during its download.
   */
  #readNext(queue: Queue, task: string | null = null): Promise<void> {
    const start = task === null ? queue.next : queue.tasks.indexOf(task, queue.next);
    const batch = task !== null && start === -1
      ? [task]
      : queue.tasks.slice(start, start + this.#batchSize);
    const read = async () => {
      try {
        const found = await this.#state.records(batch);
        const records = new Map(queue.records);
        for (const id of batch) records.set(id, found.get(id) ?? null);
        queue.records = records;
        if (start !== -1) queue.next = start + batch.length;
      } finally {
        queue.reading = null;
      }
    };
    return queue.reading = read();
  }

  /**
   * Reads every record once, so that one that is unreadable ends the run before its first request, and
   * keeps only the keys that servers have named.
   */
  async #check(tasks: readonly Task[], named: ReadonlySet<string>): Promise<void> {
    // Reading neighbours of the state together is cheaper.
    const ids = tasks.map(({ id }) => id).sort();
    const { batchSize = ids.length } = this.#state;
    for (let start = 0; start < ids.length; start += batchSize) {
      const batch = ids.slice(start, start + batchSize);
      this.#keepServerKeys(named, await this.#state.records(batch));
    }
  }

  #keepServerKeys(
    named: ReadonlySet<string>,
    records: ReadonlyMap<string, TaskRecord | null>,
  ): void {
    for (const [id, record] of records) {
      const key = record?.published?.key;
      if (key !== undefined && named.has(id)) this.#serverKeys.set(id, key);
    }
  }
}

function emptyQueue(tasks: string[]): Queue {
  return { tasks, next: 0, records: new Map(), reading: null };
}

/** Scheme and authority as written: tasks of one origin have one host, so they start in order. */
function originOf({ url }: Task): string {
  const start = url.indexOf("//") + 2;
  const length = url.slice(start).search(/[/?#\\]/);
  return length === -1 ? url : url.slice(0, start + length);
}
