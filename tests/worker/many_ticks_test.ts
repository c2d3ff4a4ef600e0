import { assertEquals, assertLess } from "@std/assert";
import { fromFileUrl } from "@std/path";

const PROGRAM = fromFileUrl(new URL("many_ticks.ts", import.meta.url));

Deno.test("watchTasks: 5,000 ticks need no more memory than the first thousand", async () => {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", "--v8-flags=--expose-gc", PROGRAM],
    stdout: "piped",
  });
  const { stdout } = await command.output();
  const { ticks, heldBytes } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(ticks, 6_000);
  // One leaked listener or timer per sleep would take some megabytes.
  assertLess(heldBytes.at(-1) - heldBytes[0], 500_000, heldBytes.join(" "));
});
