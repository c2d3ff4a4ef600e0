/** The health of a task across runs, and its events. */

import { assertEquals } from "@std/assert";
import { origin } from "../helpers/origin.ts";
import type { Route } from "../helpers/origin.ts";
import { storeTest } from "../helpers/place.ts";
import { runsOver } from "./runs.ts";

/** `before -> health` and the consecutive failures, for each run that changed the health. */
type Told = Readonly<Record<number, readonly [change: string, failures: number]>>;

const BUSY: Route = { status: 503, headers: { "retry-after": "1800" } };

const HISTORIES: readonly (readonly [name: string, answers: readonly Route[], told: Told])[] = [
  ["a task that never fails is not spoken of", ["a", "a", "b"], {}],
  ["three failures in a row and a recovery are each told once", [404, 404, 404, 404, "a"], {
    1: ["healthy -> failing", 1],
    3: ["failing -> unhealthy", 3],
    5: ["unhealthy -> healthy", 0],
  }],
  ["a success in between begins the count anew", [404, 404, "a", 404, 404], {
    1: ["healthy -> failing", 1],
    3: ["failing -> healthy", 0],
    4: ["healthy -> failing", 1],
  }],
  ["a host that is busy is neither a failure nor a success", [404, 404, BUSY, 404, "a"], {
    1: ["healthy -> failing", 1],
    4: ["failing -> unhealthy", 3],
    5: ["unhealthy -> healthy", 0],
  }],
];

for (const state of ["file", "kv", "memory"] as const) {
  for (const [name, answers, expected] of HISTORIES) {
    storeTest(`${name}, in ${state}`, async () => {
      await using server = origin({});
      await using runs = await runsOver({ state, config: { alertAfter: 3 } });
      const tasks = [
        { id: "faulty", url: `${server.origin}/faulty`, retry: { attempts: 1 } },
        { id: "good", url: `${server.origin}/good` },
      ];
      server.route("/good", "good");
      const told: Record<number, readonly [string, number]> = {};
      for (const [index, answer] of answers.entries()) {
        server.route("/faulty", answer);
        const before = runs.events.length;
        await runs.run(tasks);
        const changes = runs.events.slice(before).filter((event) => event.type === "task.health");
        assertEquals(changes.length <= 1, true, `run ${index + 1}`);
        for (const { task, before: was, health, failures } of changes) {
          assertEquals(task, "faulty");
          told[index + 1] = [`${was} -> ${health}`, failures];
        }
      }
      assertEquals(told, expected);
    });
  }
}
