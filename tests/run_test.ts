import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../lib/core/errors.ts";
import { run } from "../lib/mod.ts";
import { openState } from "./helpers/open.ts";
import { testHost } from "./helpers/host.ts";
import { origin } from "./helpers/origin.ts";

Deno.test("run: only selects tasks, and an unknown id is an error", async () => {
  await using server = origin({ "/a": "a", "/b": "b" });
  const config = {
    store: "memory:",
    state: "memory:",
    tasks: [`${server.origin}/a`, `${server.origin}/b`],
  };
  const { results } = await run(config, { only: ["b"], host: testHost() });
  assertEquals(results.map(({ task }) => task), ["b"]);
  const error = await assertRejects(
    () => run(config, { only: ["bb"], host: testHost() }),
    CronfetchError,
    'There is no task "bb" in the config',
  );
  assertEquals(error.hint, 'did you mean "b"?');
  assertEquals(error.code, "usage");
  assertEquals(server.hits(), 1);
});

Deno.test("run: sends the alerts of the config", async () => {
  await using server = origin({ "/a": 404 });
  const host = testHost();
  await using state = await openState("memory:", host);
  for (const hour of [0, 1]) {
    host.jump(hour * 60 * 60_000);
    await run({
      store: "memory:",
      state: "memory:",
      alertAfter: 1,
      alerts: [{ command: ["tell", "me"] }],
      tasks: [`${server.origin}/a`],
    }, { host, state });
    // A first failure does not make a task unhealthy yet.
    assertEquals(host.executed.length, hour);
  }
  assertEquals(host.executed.map(({ command }) => command), [["tell", "me"]]);
});
