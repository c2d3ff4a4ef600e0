import { assertEquals, assertStringIncludes } from "@std/assert";
import type { FleetSummary, WorkerSummary } from "../../lib/state/record_index.ts";
import { site } from "./site.ts";

function worker(name: string, change: Partial<WorkerSummary> = {}): WorkerSummary {
  return {
    name,
    startedAt: "2026-01-15T11:00:00Z",
    seenAt: "2026-01-15T11:59:58Z",
    slices: 3,
    tasksPerSecond: 1.25,
    isDraining: false,
    ...change,
  };
}

const FLEET: FleetSummary = {
  workers: [
    worker("one"),
    worker("two", { isDraining: true }),
    worker("three", { slices: 0, tasksPerSecond: 40, seenAt: "2026-01-15T11:00:00Z" }),
  ],
  dueTasks: 12_345,
  oldest: { host: "slow.example:8080", dueAt: "2026-01-15T11:57:00Z" },
  largest: { host: "large.example", tasks: 9_000 },
};

function textOf(html: string): string {
  return html.replaceAll(/<[^>]*>/g, "").replaceAll(/\s+/g, " ");
}

Deno.test("fleet: the overview lists the workers, and what waits for them", async () => {
  await using at = site({ fleet: FLEET });
  const html = await at.text("/");
  const section = html.slice(html.indexOf('<div id="fleet"'));
  const text = textOf(section.slice(0, section.indexOf("</section>")));
  assertStringIncludes(
    text,
    "3 workers, 6 hosts in progress, 43 tasks per second. 12,345 tasks due",
  );
  assertStringIncludes(text, "; slow.example:8080 has waited longest, due 3 min ago;");
  assertStringIncludes(text, " large.example has most of them, 9,000.");
  assertEquals(text.split("draining").length, 2);
  assertStringIncludes(text, "three silent040");
});

Deno.test("fleet: no worker, and no fleet", async () => {
  const none: FleetSummary = { workers: [], dueTasks: 0, oldest: null, largest: null };
  await using idle = site({ fleet: none });
  assertStringIncludes(textOf(await idle.text("/")), "No worker is running. Nothing waits.");
  await using alone = site();
  assertEquals((await alone.text("/")).includes('id="fleet"'), false);
  assertEquals((await alone.text("/metrics")).includes("cronfetch_fleet"), false);
});

Deno.test("fleet: the metrics of the workers", async () => {
  await using at = site({ fleet: FLEET });
  const metrics = await at.text("/metrics");
  for (
    const line of [
      "cronfetch_fleet_workers 3",
      "cronfetch_fleet_slices 6",
      "cronfetch_fleet_tasks_per_second 42.5",
      "cronfetch_fleet_due_tasks 12345",
      'cronfetch_fleet_oldest_due_timestamp_seconds{host="slow.example:8080"} 1768478220',
      'cronfetch_fleet_largest_due_tasks{host="large.example"} 9000',
    ]
  ) assertStringIncludes(metrics, `${line}\n`);
});
