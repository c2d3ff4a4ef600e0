/**
 * Another process that works on the same state.
 *
 * `write LOCATION PREFIX COUNT` saves records, and flushes after each hundredth.
 * `hold LOCATION RUN TASK…` leases tasks for a minute, says which it got, and
 * stays until it is killed.
 * `lock PATH` locks a database, says so, and stays until it is killed.
 */

import { DatabaseSync } from "node:sqlite";
import { realHost } from "../../lib/host.ts";
import { openState } from "../../lib/state/open.ts";
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
    await sayAndStay(JSON.stringify([...await state.acquire(rest, name, 60_000)]));
    break;
  }
  case "lock": {
    const database = new DatabaseSync(place);
    database.exec("BEGIN IMMEDIATE");
    await sayAndStay("locked");
    break;
  }
}

async function sayAndStay(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
  await new Promise(() => setInterval(() => {}, 60_000));
}
