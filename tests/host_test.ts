import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { realHost } from "../lib/host.ts";

const ignore = Deno.build.os === "windows";
const signal = new AbortController().signal;

/** Whether a process has ended and was not collected. */
function isZombie(pid: number): boolean {
  const { stdout } = new Deno.Command("ps", { args: ["-o", "stat=", "-p", `${pid}`] }).outputSync();
  return new TextDecoder().decode(stdout).trim().startsWith("Z");
}

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

Deno.test(
  { name: "execute: a program that another one has started is not waited for", ignore },
  async () => {
    const { execute, timers } = realHost();
    for (const script of ["sleep 3; true", "sleep 3 & echo started"]) {
      const controller = new AbortController();
      timers.after(200, () => controller.abort());
      let text = "";
      const stdout = (piece: Uint8Array) => {
        text += new TextDecoder().decode(piece);
        return Promise.resolve();
      };
      // Deno waits for both streams of the other program, for 3 s.
      const ended = execute(["sh", "-c", script], "", controller.signal, { stdout });
      const late = Promise.withResolvers<"late">();
      const cancel = timers.after(2_000, () => late.resolve("late"));
      assertNotEquals(await Promise.race([ended, late.promise]), "late", script);
      cancel();
      assertEquals(text, script.includes("echo") ? "started\n" : "");
    }
  },
);

Deno.test(
  { name: "execute: programs that the program has started end with it", ignore },
  async () => {
    const { execute, timers } = realHost();
    const controller = new AbortController();
    let text = "";
    const stdout = (piece: Uint8Array) => {
      text += new TextDecoder().decode(piece);
      if (text.endsWith("\n")) controller.abort();
      return Promise.resolve();
    };
    const script = "sleep 300 >/dev/null & echo $!; wait";
    await execute(["sh", "-c", script], "", controller.signal, { stdout });
    const started = Number(text);
    const isGone = () => {
      try {
        // Signal 0 only checks; a process that has ended may still have to be collected.
        Deno.kill(started, 0 as never);
        return isZombie(started);
      } catch {
        return true;
      }
    };
    for (let tries = 0; tries < 100 && !isGone(); tries++) await timers.sleep(20, signal);
    assertEquals(isGone(), true);
  },
);

Deno.test(
  { name: "execute: a job in the background that keeps standard error is not waited for", ignore },
  async () => {
    const { execute, timers } = realHost();
    let text = "";
    const stderr = (piece: Uint8Array) => {
      text += new TextDecoder().decode(piece);
    };
    const script = "sleep 5 > /dev/null & echo failed >&2; exit 3";
    const ended = execute(["sh", "-c", script], "", signal, { stderr });
    const late = Promise.withResolvers<number>();
    const cancel = timers.after(4_000, () => late.resolve(-1));
    assertEquals([await Promise.race([ended, late.promise]), text], [3, "failed\n"]);
    cancel();
  },
);

Deno.test({ name: "execute: an error of a stream ends the program", ignore }, async () => {
  const { execute } = realHost();
  const failure = new Error("the disk is full");
  const stdout = () => Promise.reject(failure);
  async function* input() {
    yield new TextEncoder().encode("x");
    await Promise.resolve();
    throw failure;
  }
  const { signal } = new AbortController();
  const stubborn = ["sh", "-c", "cat; sleep 3"] as const;
  for (const options of [{ stdout }, {}]) {
    assertEquals(await assertRejects(() => execute(stubborn, input(), signal, options)), failure);
  }
});
