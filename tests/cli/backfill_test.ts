// The flags --since and --until, and ids of dates that are no tasks at present.

import { assertEquals } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { origin } from "../helpers/origin.ts";
import { workspace } from "./workspace.ts";

const NOW = "2026-01-15T07:00:00Z";

/** Mistakes: arguments, and the message. */
const MISTAKES: readonly (readonly [args: readonly string[], text: string])[] = [
  [["--since", "2026-01-17"], "error: --since 2026-01-17 is in the future\n"],
  [
    ["--since", "2026-01-10", "--until", "2026-01-09"],
    "error: --since 2026-01-10 is after --until 2026-01-09\n",
  ],
  [
    ["--since", "2010-01-01"],
    "error: --since 2010-01-01 to today is more than 3660 days\n" +
    "hint: run each part of it: --since 2010-01-01 --until 2019-01-01\n",
  ],
  [
    ["--since", "2010-01-01", "--until", "2025-12-31"],
    "error: --since 2010-01-01 to --until 2025-12-31 is more than 3660 days\n" +
    "hint: run each part of it: --since 2010-01-01 --until 2019-01-01\n",
  ],
  [
    ["r@2026-01-14"],
    'error: there is no task "r@2026-01-14" in the config\n' +
    'hint: that date is closed, or not one of "dates"; to fetch it again: cronfetch run r ' +
    "--since 2026-01-14 --until 2026-01-14 --force\n",
  ],
];

Deno.test("backfill: a mistake in its dates sends no request, and shows what to write", async () => {
  await using server = origin({ "/2026-01-14": "a\n", "/2026-01-15": "b\n" });
  const dates = { last: "2d", final: "1d" };
  await using at = await workspace({
    tasks: [{ id: "r", url: `${server.origin}/{date:YYYY-MM-DD}`, dates }],
  });
  assertEquals(await main(["run", "-q"], at.host({ now: NOW })), 0);
  for (const [args, text] of MISTAKES) {
    const host = at.host({ now: NOW });
    assertEquals(await main(["run", ...args], host), 2, args.join(" "));
    assertEquals(host.stderr.text, text);
  }
  assertEquals(server.hits(), 2);
  // A closed date is fetched again as the hint shows; an end in the future is that of today.
  const again = ["r", "--since", "2026-01-14", "--until", "2026-01-14", "--force"];
  assertEquals(await main(["run", "-q", ...again], at.host({ now: NOW })), 0);
  assertEquals(server.hits("/2026-01-14"), 2);
  const span = ["--since", "2026-01-15", "--until", "2099-01-01"];
  assertEquals(await main(["run", "-q", ...span], at.host({ now: NOW })), 0);
  assertEquals(server.hits("/2026-01-15"), 2);
});
