import { assertEquals, assertRejects } from "@std/assert";
import { realHost } from "../lib/host.ts";

const ignore = Deno.build.os === "windows";
const signal = new AbortController().signal;

Deno.test(
  { name: "execute: the exit code, with input or without a reader of it", ignore },
  async () => {
    const { execute } = realHost();
    assertEquals(
      await execute(["sh", "-c", 'read line && test "$line" = hello'], "hello\n", signal),
      0,
    );
    assertEquals(await execute(["sh", "-c", "exit 7"], "x".repeat(1_000_000), signal), 7);
    await assertRejects(() => execute(["/no/such/program"], "", signal), Deno.errors.NotFound);
  },
);

Deno.test(
  { name: "execute: a program that ignores SIGTERM ends with the signal", ignore },
  async () => {
    const controller = new AbortController();
    const { execute, timers } = realHost();
    timers.after(100, () => controller.abort());
    const stubborn = [
      "sh",
      "-c",
      "trap '' TERM; while :; do read line || sleep 0.05; done",
    ] as const;
    const code = await execute(stubborn, "", controller.signal);
    assertEquals(code === 0, false);
  },
);
