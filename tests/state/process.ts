/**
 * Another process that uses the same state.
 *
 * `write LOCATION PREFIX COUNT` saves records, and flushes after each hundredth.
 * `hold LOCATION RUN TASK…` leases tasks for a minute, prints which it got, and
 * waits until it is killed.
 * `die LOCATION RUN CALL TASK…` does the same, and kills itself before call number CALL on the disk
 * or the database, counted from the opening of the state; with fewer calls, it waits.
 * `lock PATH` locks a database, prints that, and waits until it is killed.
 */

import { DatabaseSync } from "node:sqlite";
import { realHost } from "../../lib/host.ts";
import { openState } from "../helpers/open.ts";
import { ids, record } from "./samples.ts";

const [command, place = "", name = "", ...rest] = Deno.args;
switch (command) {
  case "write": {
    await using state = await openState(place, realHost());
    for (const [index, task] of ids(Number(rest[0]), name).entries()) {
      state.save(record(task));
      if (index % 100 === 99) await state.flush();
    }
    break;
  }
  case "hold": {
    const state = await openState(place, realHost());
    await printAndWait(JSON.stringify([...await state.acquire(rest, name, 60_000)]));
    break;
  }
  case "die": {
    const [call, ...tasks] = rest;
    killAtCall(Number(call));
    const state = await openState(place, realHost());
    await printAndWait(JSON.stringify([...await state.acquire(tasks, name, 60_000)]));
    break;
  }
  case "lock": {
    const database = new DatabaseSync(place);
    database.exec("BEGIN IMMEDIATE");
    await printAndWait("locked");
    break;
  }
}

/** Makes this process kill itself before call number `last` that reads or changes something. */
function killAtCall(last: number): void {
  let calls = 0;
  const objects: readonly (readonly [target: object, names: readonly string[]])[] = [
    [Deno, ["mkdir", "open", "openKv", "readFile", "remove", "rename", "stat"]],
    [Deno.FsFile.prototype, ["tryLock", "write", "syncData", "close"]],
    [Deno.Kv.prototype, ["get", "getMany", "list"]],
    [Deno.AtomicOperation.prototype, ["commit"]],
  ];
  for (const [target, names] of objects) {
    for (const name of names) {
      const call: (...args: unknown[]) => unknown = Reflect.get(target, name);
      Object.defineProperty(target, name, {
        configurable: true,
        value(this: unknown, ...args: unknown[]): unknown {
          calls++;
          if (calls === last) Deno.kill(Deno.pid, "SIGKILL");
          return Reflect.apply(call, this, args);
        },
      });
    }
  }
}

async function printAndWait(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
  await new Promise(() => setInterval(() => {}, 60_000));
}
