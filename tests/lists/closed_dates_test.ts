// Closed dates: their names stay theirs, and their hooks are delivered.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { rowsOf, workspace } from "../cli/workspace.ts";
import { origin } from "../helpers/origin.ts";
import { record } from "../state/samples.ts";

Deno.test("dates: no server may choose the name of a closed date's file", async () => {
  await using server = origin({
    "/2026-01-05.csv": "date\n5\n",
    "/latest": () =>
      new Response("date\nother\n", {
        headers: { "content-disposition": 'attachment; filename="2026-01-05.csv"' },
      }),
  });
  await using at = await workspace({
    schedule: "0 6 * * *",
    tasks: [
      {
        id: "rates",
        url: `${server.origin}/{date:YYYY-MM-DD}.csv`,
        to: "rates/{date:YYYY-MM-DD}.csv",
        dates: { last: "1d" },
      },
      { id: "latest", url: `${server.origin}/latest`, to: "rates/{name}" },
    ],
  });
  const now = "2026-01-15T07:00:00Z";
  const span = ["rates", "--since", "2026-01-05", "--until", "2026-01-05"];
  assertEquals(await main(["run", ...span], at.host({ now })), 0);
  assertEquals([...(await at.records()).keys()], []);
  // As if the file was lost: only the entry of the date protects its name.
  await Deno.remove(at.folder.file("downloads/rates/2026-01-05.csv"));
  const host = at.host({ now });
  await main(["run", "latest", "--json"], host);
  const [finished] = rowsOf(host.stdout.text).filter(({ type }) => type === "task.finished");
  assertEquals((finished?.result as { code?: string }).code, "store.conflict");
  assertStringIncludes(host.stdout.text, "another task writes to it");
});

Deno.test("dates: a backfill that was killed leaves no record for ever", async () => {
  await using server = origin({ "/2026-01-15.csv": "date\n15\n" });
  await using at = await workspace({
    tasks: [{
      id: "rates",
      url: `${server.origin}/{date:YYYY-MM-DD}.csv`,
      to: "rates/{date:YYYY-MM-DD}.csv",
      dates: { last: "1d" },
    }],
  });
  const now = "2026-01-15T07:00:00Z";
  const state = at.folder.file("state/state.json");
  let killed = "";
  server.route("/2026-01-05.csv", async () => {
    killed = await Deno.readTextFile(state);
    return new Response("date\n5\n");
  });
  await main(["run", "--since", "2026-01-05", "--until", "2026-01-05"], at.host({ now }));
  // What a killed run has left, and the record that it saved before it was killed.
  await Deno.writeTextFile(state, killed);
  await at.save([record("rates@2026-01-05")]);
  assertEquals(await main(["run"], at.host({ now })), 0);
  assertEquals([...(await at.records()).keys()], ["rates@2026-01-15"]);
});

Deno.test("dates: the hook of a closed date is delivered by a later run, and by a tick", async () => {
  await using server = origin({ "/2026-01-05.csv": "date\n5\n", "/2026-01-15.csv": "date\n15\n" });
  await using at = await workspace({
    schedule: "0 6 * * *",
    tasks: [{
      id: "rates",
      url: `${server.origin}/{date:YYYY-MM-DD}.csv`,
      to: "rates/{date:YYYY-MM-DD}.csv",
      dates: { last: "1d" },
      onChange: [{ command: ["load"] }],
    }],
  });
  const deliver = async (now: string, exitCode: number, ...args: string[]) => {
    const host = at.host({ now, exitCode });
    await main(["run", ...args], host);
    return host.executed.map(({ input }) => JSON.parse(input).task).sort();
  };
  const span = ["rates", "--since", "2026-01-05", "--until", "2026-01-05"];
  assertEquals(await deliver("2026-01-15T07:00:00Z", 1, ...span), ["rates@2026-01-05"]);
  assertEquals([...(await at.records()).keys()], []);
  assertEquals(await deliver("2026-01-15T09:00:00Z", 1), ["rates@2026-01-05", "rates@2026-01-15"]);
  // Nothing is due, and the change of the closed date is delivered.
  const left = await deliver("2026-01-15T18:00:00Z", 0, "--due");
  assertEquals(left, ["rates@2026-01-05", "rates@2026-01-15"]);
  assertEquals(await deliver("2026-01-15T23:00:00Z", 0, "--due"), []);
});
