import { assertEquals } from "@std/assert";
import { INITIAL_CONFIG } from "../../lib/cli/init.ts";
import { tasksOf } from "../../lib/config/config.ts";
import { locationText } from "../../lib/core/location.ts";
import { AT, loadText } from "../config/loading.ts";

Deno.test("init: the initial config loads unchanged", async () => {
  const config = await loadText(INITIAL_CONFIG);
  assertEquals(tasksOf(config, AT).map(({ key }) => key), ["f1040.pdf"]);
  assertEquals(locationText(config.store), "/start/downloads");
});

Deno.test("init: the commented-out task of the initial config loads", async () => {
  const [before = "", after = ""] = INITIAL_CONFIG.split("// A task with more options.");
  const task = after.replaceAll(/^ *\/\/ /gm, "").replace(/^.*$/m, "");
  const text = `${before.trimEnd()},${task}`;
  const config = await loadText(text, { env: { RATES_TOKEN: "hunter2" } });
  assertEquals(tasksOf(config, AT).map(({ id }) => id), ["f1040.pdf", "rates"]);
});
