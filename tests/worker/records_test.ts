import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { Task } from "../../lib/core/task.ts";
import type { TaskRecord } from "../../lib/state/state.ts";
import { TaskRecords } from "../../lib/worker/records.ts";
import { defaultTask } from "../helpers/task.ts";
import { record, validators } from "../state/samples.ts";

/** More tasks than are read at once. */
const MANY = 10_001;

/** A state with a record of every task whose id is not `new…`; `reads` are the requested ids. */
function watchedState(batchSize?: number) {
  const reads: string[][] = [];
  const state = {
    reads,
    /** Rejects all reads while it is set. */
    failure: null as Error | null,
    ...(batchSize === undefined ? {} : { batchSize }),
    records: (ids: Iterable<string>): Promise<Map<string, TaskRecord>> => {
      const wanted = [...ids];
      reads.push(wanted);
      if (state.failure) return Promise.reject(state.failure);
      const known = wanted.filter((id) => !id.startsWith("new"));
      return Promise.resolve(new Map(known.map((id) => [id, record(id)])));
    },
  };
  return state;
}

/** Opens records, and forgets the reads that check them. */
async function openChecked(
  tasks: readonly Task[],
  state: ReturnType<typeof watchedState>,
): Promise<TaskRecords> {
  const records = await TaskRecords.open(tasks, state);
  state.reads.length = 0;
  return records;
}

/** Tasks in turn of each origin. */
function tasksOf(count: number, origins: readonly string[]): Task[] {
  return Array.from({ length: count }, (_, index) => {
    const origin = origins[index % origins.length];
    return defaultTask(`${index}`, { url: `${origin}/${index}` });
  });
}

const ORIGIN = "https://files.test";

Deno.test("TaskRecords: up to 10,000 records are read at once", async () => {
  for (const count of [1, 10_000]) {
    const state = watchedState(100);
    const tasks = [...tasksOf(count - 1, [ORIGIN]), defaultTask("new")];
    const records = await TaskRecords.open(tasks, state);
    assertEquals(state.reads.map(({ length }) => length), [count]);
    for (const task of tasks) {
      const expected = task.id === "new" ? null : task.id;
      const found = await records.recordOf(task);
      assertEquals(found?.task ?? null, expected);
      records.release(task);
    }
    assertEquals(state.reads.length, 1);
  }
});

Deno.test("TaskRecords: a state without a batch size is read at once", async () => {
  const state = watchedState();
  await TaskRecords.open(tasksOf(MANY, [ORIGIN]), state);
  assertEquals(state.reads.map(({ length }) => length), [MANY]);
});

Deno.test("TaskRecords: more records are read again once each, in batches ahead of their tasks", async () => {
  const state = watchedState(100);
  const tasks = tasksOf(MANY, [ORIGIN, "https://other.test"]);
  const records = await openChecked(tasks, state);
  let mostAhead = 0;
  let released = 0;
  for (const task of tasks) {
    assertEquals((await records.recordOf(task))?.task, task.id);
    mostAhead = Math.max(mostAhead, state.reads.flat().length - released);
    records.release(task);
    released++;
  }
  assertEquals(state.reads.map(({ length }) => length).filter((length) => length > 100), []);
  assertEquals(state.reads.flat().toSorted(), tasks.map(({ id }) => id).toSorted());
  assertEquals(mostAhead <= 2 * 150, true, `${mostAhead}`);
});

Deno.test("TaskRecords: all records are read in the order of ids before the first task", async () => {
  const state = watchedState(100);
  const tasks = tasksOf(MANY, [ORIGIN, "https://other.test"]);
  await TaskRecords.open(tasks, state);
  assertEquals(state.reads.flat(), tasks.map(({ id }) => id).toSorted());
  assertEquals(state.reads.filter(({ length }) => length > 100), []);
});

Deno.test("TaskRecords: a record that is unreadable is found before the first task", async () => {
  const state = watchedState(100);
  const { records } = state;
  const damaged = new CronfetchError("state.unreadable", "reading the state: it is damaged");
  state.records = (ids) => {
    const wanted = [...ids];
    return wanted.includes("9876") ? Promise.reject(damaged) : records(wanted);
  };
  const opened = TaskRecords.open(tasksOf(MANY, [ORIGIN]), state);
  assertEquals(await assertRejects(() => opened), damaged);
});

Deno.test("TaskRecords: the next batch is read before the last record is used", async () => {
  const state = watchedState(100);
  const tasks = tasksOf(MANY, [ORIGIN]);
  const records = await openChecked(tasks, state);
  await records.recordOf(tasks[0] as Task);
  for (const task of tasks.slice(0, 50)) records.release(task);
  assertEquals(state.reads.map(({ length }) => length), [100, 100]);
  await Promise.resolve();
  assertEquals(records.recordOf(tasks[99] as Task) instanceof Promise, false);
});

Deno.test("TaskRecords: tasks that ask at the same time share a read", async () => {
  const state = watchedState(100);
  const tasks = tasksOf(MANY, [ORIGIN]);
  const records = await openChecked(tasks, state);
  const asked = tasks.slice(0, 32).map((task) => records.recordOf(task));
  assertEquals(
    (await Promise.all(asked)).map((found) => found?.task),
    tasks.slice(0, 32).map(({ id }) => id),
  );
  assertEquals(state.reads.length, 1);
});

Deno.test("TaskRecords: after lost leases, reads from the running tasks on", async () => {
  const state = watchedState(100);
  const tasks = tasksOf(MANY, [ORIGIN]);
  const records = await openChecked(tasks, state);
  for (const index of [5000, 4999, 5001, 5100]) {
    const task = tasks[index] as Task;
    assertEquals((await records.recordOf(task))?.task, task.id);
  }
  assertEquals(state.reads.map((ids) => [ids[0], ids.length]), [
    ["5000", 100],
    ["4999", 1],
    ["5100", 100],
  ]);
});

Deno.test("TaskRecords: an unreadable state fails the task that needs the record", async () => {
  const state = watchedState(100);
  const tasks = tasksOf(MANY, [ORIGIN]);
  const records = await openChecked(tasks, state);
  await records.recordOf(tasks[0] as Task);
  state.failure = new CronfetchError("state.unreadable", "reading the state: it is damaged");
  for (const task of tasks.slice(0, 100)) records.release(task);
  await Promise.resolve();
  const needed = tasks[100] as Task;
  await assertRejects(async () => await records.recordOf(needed), CronfetchError, "damaged");
  state.failure = null;
  assertEquals((await records.recordOf(needed))?.task, "100");
});

Deno.test("TaskRecords.serverKeyOf: keys of files that servers have named", async () => {
  for (const count of [3, MANY]) {
    const state = watchedState(100);
    const tasks = tasksOf(count, [ORIGIN]).map((task, index) => {
      return index % 2 === 0 ? { ...task, namedByServer: true } : task;
    });
    const records = await TaskRecords.open(tasks, state);
    const keys = tasks.slice(0, 3).map(({ id }) => records.serverKeyOf(id));
    assertEquals(keys, [validators().key, undefined, validators().key]);
  }
});
