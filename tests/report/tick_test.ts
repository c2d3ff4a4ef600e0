import { assertEquals } from "@std/assert";
import type { RunEvent } from "../../lib/core/event.ts";
import { plainDisplay } from "../../lib/report/console.ts";
import { painter } from "../../lib/report/format.ts";
import type { Verbosity } from "../../lib/report/lines.ts";
import { tickReporter } from "../../lib/report/tick.ts";
import { event, fakeOutput, fakeTime, finished, summary } from "./fakes.ts";

/** What the reporter writes without a terminal. */
function written(events: readonly RunEvent[], verbosity: Verbosity = "normal"): string {
  const output = fakeOutput(false);
  const reporter = tickReporter({
    display: plainDisplay(output),
    output,
    paint: painter(false),
    verbosity,
    idColumns: 1,
    destination: { store: "downloads", showsPaths: false },
    clock: fakeTime().clock,
    timeOf: null,
  });
  for (const each of events) reporter.report(each);
  return output.writes.join("");
}

const started = event({ type: "run.started", tasks: 1 });
const ended = (exitCode: number, counts: Parameters<typeof summary>[1]) =>
  event({ type: "run.finished", summary: summary(exitCode, counts) });

Deno.test("tickReporter: one line for a run, failures first, the others counted", () => {
  const gone = { code: "http.status", message: "fetching https://x: 404 Not Found: no" } as const;
  const events = [
    started,
    finished("same", "unchanged"),
    finished("new", "created", { sizeBytes: 2_000 }),
    finished("rates", "updated", { sizeBytes: 1_340_000, previousSizeBytes: 1_327_700 }),
    finished("gone", "failed", gone),
    finished("later", "deferred", { message: "busy", notBefore: "2026-01-02T04:00:00Z" }),
    ended(3, { unchanged: 1, created: 1, updated: 1, failed: 1, deferred: 1 }),
  ];
  const line = "failed gone (404 Not Found); " +
    "deferred later (busy; next request after 2026-01-02T04:00:00Z); created new (2 kB); " +
    "updated rates (1.34 MB, +12.3 kB); 1 unchanged in 2.5s\n";
  assertEquals(written(events), line);
  assertEquals(written(events, "quiet"), line);
});

Deno.test("tickReporter: five tasks of a status are named", () => {
  const names = Array.from({ length: 7 }, (_, index) => `t${index}`);
  const events = names.map((name) => finished(name, "created", { sizeBytes: 1 }));
  assertEquals(
    written([started, ...events, ended(0, { created: 7 })]),
    "created t0 (1 B), t1 (1 B), t2 (1 B), t3 (1 B), t4 (1 B) and 2 more in 2.5s\n",
  );
});

Deno.test("tickReporter: quiet writes nothing for a good run; health has lines of its own", () => {
  const good = [started, finished("a", "unchanged"), ended(0, { unchanged: 1 })];
  assertEquals(written(good, "quiet"), "");
  const health = event({
    ...{ type: "task.health", task: "a", before: "failing", health: "unhealthy", failures: 3 },
  });
  assertEquals(
    written([...good.slice(0, 2), health, ...good.slice(2)]),
    "unhealthy  a  3 failures in a row\n1 unchanged in 2.5s\n",
  );
});
