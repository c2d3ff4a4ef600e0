import { assertEquals, assertRejects } from "@std/assert";
import { assertGolden, hostWith, showCommand } from "./golden.ts";

Deno.test("showCommand: a terminal shows both outputs, and pipes keep them apart", async () => {
  const show = (width: 80 | null) => showCommand(["--version"], hostWith({}), width);
  const piped = await show(null);
  assertEquals([piped.exitCode, piped.screen, piped.stderr], [0, null, ""]);
  assertEquals((await show(80)).screen, piped.stdout.trimEnd());
});

Deno.test("assertGolden: another text is an error", async () => {
  const shown = { exitCode: 0, screen: "a", stdout: "", stderr: "" };
  await assertRejects(() => assertGolden("missing", () => Promise.resolve(shown)));
});
