import { assertEquals, assertLess } from "@std/assert";
import { fromFileUrl } from "@std/path";

const PROGRAM = fromFileUrl(new URL("many_passes.ts", import.meta.url));

Deno.test("5,000 passes of a watch hold no more than the first thousand", async () => {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", "--v8-flags=--expose-gc", PROGRAM],
    stdout: "piped",
  });
  const { stdout } = await command.output();
  const { passes, heldBytes } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(passes, 6_000);
  // A listener or a timer a sleep would be some megabytes more.
  assertLess(heldBytes.at(-1) - heldBytes[0], 500_000, heldBytes.join(" "));
});
