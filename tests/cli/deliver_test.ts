import { assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { deliver } from "../../lib/cli/output.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { CONFIG, MAIN } from "../helpers/program.ts";
import { rowsOf } from "./workspace.ts";

Deno.test("row 140: deliver: unread standard output changes only exit code 0", async () => {
  const table: [exitCode: number, patienceMs: number, ifLost: number][] = [
    [0, 60_000, 4],
    [1, 60_000, 1],
    [2, 60_000, 2],
    [3, 60_000, 3],
    [4, 60_000, 4],
    [10, 2_000, 10],
    [130, 2_000, 130],
    [143, 2_000, 143],
  ];
  for (const [exitCode, patienceMs, ifLost] of table) {
    for (const isDelivered of [true, false]) {
      const host = testHost();
      const patience: number[] = [];
      const end = (result: boolean) => (givenMs: number) => {
        patience.push(givenMs);
        return Promise.resolve(result);
      };
      const given = await deliver(exitCode, {
        ...host,
        stdout: { ...host.stdout, end: end(isDelivered) },
        // Unread standard error does not change it.
        stderr: { ...host.stderr, end: end(false) },
      });
      assertEquals(given, isDelivered ? exitCode : ifLost);
      assertEquals(patience.slice(0, 2), [patienceMs, patienceMs]);
    }
  }
});

Deno.test("row 140: deliver: a signal ends the wait, with its exit code", async () => {
  for (const [name, exitCode] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const host = testHost();
    const end = (_patienceMs: number, signal: AbortSignal) =>
      new Promise<boolean>((done) => signal.addEventListener("abort", () => done(false)));
    const delivering = deliver(0, { ...host, stdout: { ...host.stdout, end } });
    assertEquals(host.raise(name), 1);
    assertEquals(await delivering, exitCode);
    assertEquals(host.raise(name), 0);
  }
});

/** Their events, and their lines with `-v`, exceed the buffer of a pipe by far. */
const FILES = 400;
/** A process that hangs is killed, and fails the test by its exit code. */
const HANGS_MS = 60_000;

/** Starts a run over many small files and one that never responds; its pipes are not read. */
async function runUnread(args: readonly string[], json: boolean) {
  const folder = await temporaryFolder();
  const never = Promise.withResolvers<Response>();
  const names = Array.from({ length: FILES }, (_, index) => `${index}`);
  const server = origin({
    ...Object.fromEntries(names.map((name) => [`/${name}`, name])),
    "/never": () => never.promise,
  });
  const urls = ["never", ...names].map((name) => `${server.origin}/${name}\n`);
  await Deno.writeTextFile(folder.file("urls.txt"), urls.join(""));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--config", CONFIG, "-A", MAIN, "run", "-c", "urls.txt"],
      ...["--state", "memory:", "--timeout", "10m", ...(json ? ["--json"] : []), ...args],
    ],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), HANGS_MS);
  return {
    child,
    /** Files that are published. */
    stored: () => names.filter((name) => existsSync(folder.file(`downloads/${name}`))).length,
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      for (const pipe of [child.stdout, child.stderr]) if (!pipe.locked) await pipe.cancel();
      never.resolve(new Response());
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

Deno.test("row 140: run: a stalled reader stops neither the run nor SIGTERM", async () => {
  for (const json of [true, false]) {
    await using at = await runUnread(["-v"], json);
    let isOver = false;
    void at.child.status.then(() => isOver = true);
    while (at.stored() < FILES && !isOver) await new Promise((done) => setTimeout(done, 20));
    at.child.kill("SIGTERM");
    assertEquals((await at.child.status).code, 143);
  }
});

Deno.test("row 140: run: a stalled reader does not stop the deadline", async () => {
  await using at = await runUnread(["-v", "--deadline", "2s"], true);
  assertEquals((await at.child.status).code, 10);
});

Deno.test("row 140: run --json: a slow reader receives every event", async () => {
  await using at = await runUnread(["-q", "--deadline", "1s"], true);
  let text = "";
  for await (const piece of at.child.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    await new Promise((done) => setTimeout(done, 5));
  }
  const rows = rowsOf(text);
  assertEquals(rows.filter(({ type }) => type === "task.finished").length, FILES + 1);
  assertEquals(rows.at(-1)?.["type"], "run.finished");
});
