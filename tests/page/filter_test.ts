import { assertEquals } from "@std/assert";
import { filterQuery, filterTasks, NO_FILTER, parseFilter } from "../../lib/page/filter.ts";
import type { PageTask } from "../../lib/page/source.ts";
import { record, validators } from "../state/samples.ts";
import { pageTask, site } from "./site.ts";

const now = Temporal.Instant.from("2026-01-15T12:00:00Z");
const facts = { running: new Set<string>(), now };

function task(id: string, day: number, change: Partial<PageTask> = {}): PageTask {
  const at = `2026-01-${day}T12:00:00Z`;
  return pageTask(id, {
    nextDue: at,
    record: record(id, {
      published: validators({ key: id, sizeBytes: day }),
      publishedAt: at,
      changedAt: at,
      lastSuccessAt: at,
    }),
    ...change,
  });
}

const TASKS = [
  task("b", 12),
  task("c", 15, { health: "unhealthy" }),
  task("A", 13, { paused: true }),
  pageTask("new", { health: "new", record: null, nextDue: null }),
  task("d", 14, { due: true, health: "failing" }),
];

Deno.test("filterTasks: every column sorts in both directions, tasks without a value last", () => {
  const table: Readonly<Record<string, string>> = {
    "": "c d b A new",
    task: "A b c d new",
    "-task": "new d c b A",
    health: "c d b A new",
    "-health": "b A new d c",
    changed: "b A d c new",
    "-changed": "c d A b new",
    success: "b A d c new",
    "-success": "c d A b new",
    due: "d b c A new",
    "-due": "c b d A new",
    size: "b A d c new",
    "-size": "c d A b new",
    // Anything else is the usual order.
    "explode": "c d b A new",
  };
  for (const [sort, expected] of Object.entries(table)) {
    const filter = parseFilter(new URLSearchParams({ sort }));
    assertEquals(filterTasks(TASKS, filter, facts).map(({ id }) => id).join(" "), expected, sort);
  }
});

Deno.test("filterTasks: `changed` selects the files that changed within a day", () => {
  const filter = parseFilter(new URLSearchParams("health=changed&sort=-changed"));
  assertEquals(filterTasks(TASKS, filter, facts).map(({ id }) => id), ["c"]);
});

Deno.test("filterQuery: is read back as the same filter", () => {
  const filters = [
    NO_FILTER,
    { ...NO_FILTER, health: "changed" as const, text: "a&b=c", page: 3 },
    { ...NO_FILTER, order: { column: "size" as const, isDescending: true }, isDense: true },
    { ...NO_FILTER, order: { column: "due" as const, isDescending: false } },
  ];
  for (const filter of filters) {
    assertEquals(parseFilter(new URLSearchParams(filterQuery(filter))), filter);
  }
});

Deno.test("overview: headers sort, the sorted one in reverse, and keep the rest of the filter", async () => {
  await using at = site({ tasks: TASKS });
  const html = await at.text("/?sort=-size&dense=1&q=a&page=1");
  const headers = [...html.matchAll(/<th role="columnheader"([^>]*)><a href="([^"]*)">(\w+)/g)]
    .map(([, attributes = "", href = "", name]) =>
      `${name} ${/aria-sort="(\w+)"/.exec(attributes)?.[1] ?? ""} ${href}`
    );
  assertEquals(headers, [
    "Task  /?q=a&amp;sort=task&amp;dense=1",
    "Health  /?q=a&amp;sort=health&amp;dense=1",
    "Changed  /?q=a&amp;sort=-changed&amp;dense=1",
    "Last  /?q=a&amp;sort=-success&amp;dense=1",
    "Next  /?q=a&amp;sort=due&amp;dense=1",
    "Size descending /?q=a&amp;sort=size&amp;dense=1",
  ]);
});
