import { assertEquals } from "@std/assert";
import type { Task } from "../../lib/core/task.ts";
import { decideDue, type DueMemory } from "../../lib/schedule/due.ts";
import { makePlan } from "../../lib/schedule/plan.ts";
import { defaultTask } from "../helpers/task.ts";

const TASKS = [
  defaultTask("daily", { schedule: { kind: "cron", expression: "0 6 * * *" } }),
  defaultTask("manual", { schedule: { kind: "manual" } }),
  defaultTask("new", { schedule: { kind: "every", intervalMs: 60_000 } }),
];
const at = Temporal.Instant.from("2026-01-02T06:00:00Z");
const remembered = ({ id }: Task): DueMemory => ({
  lastRunAt: id === "new" ? null : at.subtract({ hours: 1 }),
  notBefore: null,
});

Deno.test("makePlan: an entry for every task, in order, with a reason", async (t) => {
  const never = "not asked for";
  const due = "due since 2026-01-02 06:00 UTC";
  const cases: readonly (readonly [
    name: string,
    asked: readonly string[] | null,
    due: typeof remembered | null,
    entries: readonly (readonly [included: boolean, reason: string])[],
  ])[] = [
    ["all", null, null, [
      [true, "every task runs"],
      [true, "every task runs"],
      [true, "every task runs"],
    ]],
    ["by name", ["new", "manual"], null, [
      [false, never],
      [true, "asked for"],
      [true, "asked for"],
    ]],
    ["what is due", null, remembered, [
      [true, due],
      [false, "manual"],
      [true, "never run before"],
    ]],
    ["what is due of those asked for", ["daily", "manual"], remembered, [
      [true, due],
      [false, "manual"],
      [false, never],
    ]],
  ];
  for (const [name, asked, memory, entries] of cases) {
    await t.step(name, () => {
      const decide = memory && ((task: Task) => decideDue(task, memory(task), at));
      const plan = makePlan({ tasks: TASKS, asked: asked && new Set(asked), decide });
      assertEquals(plan.entries.map((entry) => entry.task), TASKS);
      assertEquals(
        plan.entries.map(({ included, reason }) => `${included} ${reason}`),
        entries.map(([included, reason]) => `${included} ${reason}`),
      );
    });
  }
});

Deno.test("makePlan: the id of a parent selects the tasks that are derived from it", () => {
  const item = defaultTask("list/a.csv", { origin: { kind: "item", parent: "list" } });
  const tasks = [defaultTask("list", { origin: { kind: "list" } }), item, defaultTask("list/b")];
  const included = (...asked: readonly string[]) =>
    makePlan({ tasks, asked: new Set(asked), decide: null }).entries
      .filter((entry) => entry.included).map(({ task }) => task.id);
  assertEquals(included("list"), ["list", "list/a.csv"]);
  assertEquals(included("list/a.csv"), ["list/a.csv"]);
});
