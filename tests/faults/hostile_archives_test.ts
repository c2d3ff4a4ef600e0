/** Row 244: archives that are unsafe, damaged or bombs. */

import { assert, assertEquals } from "@std/assert";
import type { TaskInput } from "../../lib/mod.ts";
import { origin } from "../helpers/origin.ts";
import { storeTest } from "../helpers/place.ts";
import { HOSTILE_ARCHIVES } from "./hostile_archives.ts";
import { runsOver } from "./runs.ts";

Deno.test("row 244: the corpus has at least 60 archives, with different names", () => {
  const names = HOSTILE_ARCHIVES.map(({ name }) => name);
  assert(names.length >= 60, `${names.length}`);
  assertEquals(new Set(names).size, names.length);
});

for (const { name, bytes, published } of HOSTILE_ARCHIVES) {
  storeTest(`row 244: ${name}`, async () => {
    await using server = origin({ "/a": bytes });
    await using runs = await runsOver({ state: "memory" });
    const task: TaskInput = {
      url: `${server.origin}/a`,
      to: "in/a.bin",
      unpack: { to: "in/side" },
      expect: { sniff: false },
      retry: { attempts: 1 },
    };
    await runs.store.write("mine.txt", "mine");
    const { code = "good", message } = await runs.result(task);
    const keys = Object.keys(await runs.tree()).sort();
    if (published === null) {
      assertEquals([code, server.hits()], ["content.unpack", 1], message);
      // Neither a member nor the archive, and nothing outside of the folder.
      assertEquals(keys, ["mine.txt"]);
    } else {
      assertEquals(code, "good", message);
      const members = published.map((key) => `in/side/${key}`);
      assertEquals(keys, ["in/a.bin", ...members, "mine.txt"].sort());
    }
  });
}
