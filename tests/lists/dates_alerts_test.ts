// Alerts about the dates of a task: one per task, and none for pending dates.

import { assertEquals } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { workspace } from "../cli/workspace.ts";
import { origin } from "../helpers/origin.ts";

Deno.test("dates: one alert per task, while any date has it; pending dates have none", async () => {
  await using server = origin({ "/plain.csv": 404 });
  await using at = await workspace({
    alerts: [{ command: ["mail"] }],
    alertAfter: 1,
    schedule: "0 6 * * *",
    tasks: [
      {
        id: "rates",
        url: `${server.origin}/{date:YYYY-MM-DD}.csv`,
        to: "rates/{date:YYYY-MM-DD}.csv",
        dates: { last: "6d" },
        publishedWithin: "36h",
      },
      { id: "plain", url: `${server.origin}/plain.csv` },
    ],
  });
  const alertsOf = async (now: string) => {
    const host = at.host({ now });
    await main(["run"], host);
    return host.executed.flatMap(({ input = "" }) =>
      JSON.parse(input ?? "").alerts.map(
        ({ event, task, message }: Record<string, string | null>) =>
          `${event} ${task}: ${
            message?.replace(/fetching \S+: /, "").split(":", 2).join(":") ?? ""
          }`,
      )
    ).sort();
  };
  const publish = (day: string) => server.route(`/2026-01-${day}.csv`, `date\n${day}\n`);
  // A task must have failed for an hour; the 14th and 15th are pending.
  assertEquals(await alertsOf("2026-01-15T07:00:00Z"), []);
  assertEquals(await alertsOf("2026-01-15T09:00:00Z"), [
    "unhealthy plain: 404 Not Found",
    "unhealthy rates: 2026-01-10 and 3 more dates: 404 Not Found",
  ]);
  // One of them arrives, and the 14th fails too.
  publish("10");
  assertEquals(await alertsOf("2026-01-15T13:00:00Z"), []);
  assertEquals(await alertsOf("2026-01-15T15:00:00Z"), []);
  for (const day of ["11", "12", "13"]) publish(day);
  assertEquals(await alertsOf("2026-01-15T16:00:00Z"), []);
  publish("14");
  assertEquals(await alertsOf("2026-01-15T17:00:00Z"), ["recovered rates: "]);
  assertEquals(await alertsOf("2026-01-15T18:00:00Z"), []);
  const open = [...(await at.records()).values()].filter(({ alerted }) => alerted !== undefined);
  assertEquals(open.map(({ task }) => task), ["plain"]);
});
