/** A list of 50,000 items: one request to read it, one while it is unchanged, and all are planned. */

import { assertEquals } from "@std/assert";
import { rowsOf, workspace } from "../cli/workspace.ts";
import { main } from "../helpers/command_line.ts";
import { origin } from "../helpers/origin.ts";

const ITEMS = 50_000;

Deno.test("lists: 50,000 items are refreshed and planned by one request", async () => {
  const lines = Array.from({ length: ITEMS }, (_, index) => `./f${index}.csv\n`);
  await using server = origin({ "/list.txt": { body: lines.join(""), etag: '"1"' } });
  const from = { text: `${server.origin}/list.txt`, limit: ITEMS, schedule: "every 1m" };
  await using at = await workspace({ tasks: [{ id: "cat", schedule: "manual", from }] });
  for (const [requests, minute] of [[1, "00"], [2, "01"]] as const) {
    const now = `2026-01-15T12:${minute}:00Z`;
    assertEquals(await main(["run", "--due", "-q"], at.host({ now })), 0);
    assertEquals(server.hits(), requests);
    const host = at.host({ now });
    assertEquals(await main(["plan", "--json"], host), 0);
    assertEquals(rowsOf(host.stdout.text).length, ITEMS + 1);
  }
  assertEquals([...(await at.records()).keys()], ["cat"]);
});
