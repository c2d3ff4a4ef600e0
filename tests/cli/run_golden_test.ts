/** What `run` and `watch` show on terminals of three widths, and without one. */

import { temporaryFolder } from "../helpers/folder.ts";
import {
  assertGolden,
  connectTerminal,
  hostWith,
  type Reply,
  showCommand,
  type Shown,
  textResponse,
  type Width,
} from "../helpers/golden.ts";
import type { TestHost, TestHostOptions } from "../helpers/host.ts";
import { main } from "../helpers/command_line.ts";

const ORIGIN = "https://data.example.org";
const API = "https://api.example.org";

/** Rows of a CSV file. */
function rows(count: number): string {
  return "day,rate\n" + "2026-01-15,1.0842\n".repeat(count);
}

/** Responds in turn; the last reply repeats. */
function inTurn(...replies: readonly Reply[]): Reply {
  let turn = 0;
  return async (init) => {
    const reply = replies[Math.min(turn++, replies.length - 1)];
    if (typeof reply === "function") return await reply(init);
    return typeof reply === "number"
      ? new Response(null, { status: reply })
      : textResponse(reply ?? "");
  };
}

const LOGIN = "<!doctype html><title>Sign in</title><p>Your session has expired.\n";
const DOCUMENT = "reports/2026/a-document-with-a-long-name-that-does-not-fit-beside-a-message.pdf";

/** The responses of two runs. */
function replies(): Record<string, Reply> {
  return {
    [`${ORIGIN}/countries.csv`]: rows(300),
    [`${ORIGIN}/rates.csv`]: inTurn(rows(2_000), rows(2_700)),
    [`${ORIGIN}/stations.csv`]: inTurn(rows(900), rows(880)),
    [`${ORIGIN}/orders.csv`]: inTurn(rows(40), LOGIN),
    [`${ORIGIN}/down.csv`]: inTurn(rows(10), 503),
    [`${ORIGIN}/flaky.csv`]: inTurn(rows(10), 503, rows(11)),
    [`${ORIGIN}/new.csv`]: inTurn(404, rows(70_000)),
    [`${API}/limited.csv`]: inTurn(
      rows(10),
      () => new Response(null, { status: 429, headers: { "retry-after": "7200" } }),
    ),
  };
}

const CONFIG = {
  state: "file:state.json",
  limits: { concurrency: 1 },
  defaults: { retry: { attempts: 2 } },
  tasks: [
    ...["countries", "rates", "stations", "orders", "down", "flaky", "new"].map((name) =>
      `${ORIGIN}/${name}.csv`
    ),
    { id: "gone", url: `${ORIGIN}/${DOCUMENT}` },
    { id: "limited", url: `${API}/limited.csv`, to: "other/limited.csv" },
  ],
};

/** Creates a folder with a config, and passes a function that makes hosts in it. */
async function inFolder(
  config: object | null,
  replies: Readonly<Record<string, Reply>>,
  show: (host: (options?: Pick<TestHostOptions, "sleep" | "now">) => TestHost) => Promise<Shown>,
): Promise<Shown> {
  await using folder = await temporaryFolder();
  if (config) await Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify(config));
  return await show((options) =>
    hostWith(replies, { cwd: folder.path, env: { NO_COLOR: "1" }, ...options })
  );
}

Deno.test("run: the end of a run, by width", async () => {
  await assertGolden("run", (width) =>
    inFolder(CONFIG, replies(), async (host) => {
      await main(["run", "-q"], host());
      return await showCommand(["run"], host(), width);
    }));
});

Deno.test("run -v and -q: each step, and failures only", async () => {
  for (const flag of ["-v", "-q"]) {
    await assertGolden(`run${flag}`, (width) =>
      inFolder(CONFIG, replies(), async (host) => {
        await main(["run", "-q"], host());
        return withoutRunId(await showCommand(["run", flag], host(), width));
      }));
  }
});

/** Ids of runs are random. */
function withoutRunId({ screen, stderr, ...shown }: Shown): Shown {
  const replace = (text: string) => text.replace(/Z-[0-9a-f]{6}/g, "Z-3f2a91");
  return { ...shown, stderr: replace(stderr), screen: screen === null ? null : replace(screen) };
}

Deno.test("run URL: the path of the file", async () => {
  const replies = { [`${ORIGIN}/rates.csv`]: rows(2_000) };
  await assertGolden(
    "run_url",
    (width) =>
      inFolder(null, replies, (host) => showCommand(["run", `${ORIGIN}/rates.csv`], host(), width)),
  );
});

Deno.test("run: the live view, and what an interruption keeps", async () => {
  await assertGolden("run_interrupted", async (width) => {
    const tasks = [`${ORIGIN}/big.csv`, `${ORIGIN}/silent.csv`, `${ORIGIN}/down.csv`];
    const started = Promise.withResolvers<void>();
    const replies = {
      [`${ORIGIN}/big.csv`]: () => half(started.resolve),
      [`${ORIGIN}/silent.csv`]: ({ signal }: RequestInit) => never(signal),
      [`${ORIGIN}/down.csv`]: 503,
    };
    return await inFolder({ state: "file:state.json", tasks }, replies, async (host) => {
      const scene = host({ sleep: "manual" });
      const terminal = connectTerminal(scene, width);
      const ended = main(["run"], scene);
      await started.promise;
      for (let step = 0; step < 10; step++) await scene.advance(100);
      const live = terminal.screen;
      scene.raise("SIGINT");
      const exitCode = await endOf(ended, scene);
      const { stdout: { text: stdout }, stderr: { text: stderr } } = scene;
      const screen = live === null ? null : `${live}\n--- interrupted\n${terminal.screen}`;
      return { exitCode, screen, stdout, stderr };
    });
  });
});

/** A body of which only the first half arrives. */
function half(onRead: () => void): Response {
  const bytes = new Uint8Array(1_000_000).fill(65);
  let isSent = false;
  const body = new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (isSent) return onRead();
      isSent = true;
      controller.enqueue(bytes);
    },
  });
  const headers = { etag: '"1"', "content-length": `${2 * bytes.length}` };
  return new Response(body, { headers });
}

function never(signal: AbortSignal | null | undefined): Promise<Response> {
  const { promise, reject } = Promise.withResolvers<Response>();
  signal?.addEventListener("abort", () => reject(signal.reason));
  return promise;
}

/** Waits for a command with manual sleeps. */
async function endOf(command: Promise<number>, host: TestHost): Promise<number> {
  let isEnded = false;
  command.finally(() => isEnded = true).catch(() => {});
  while (!isEnded) await host.advance(0);
  return await command;
}

Deno.test("watch: a line for each tick, and the next due time", async () => {
  for (const [name, flags] of [["watch", []], ["watch_json", ["--log-format", "json"]]] as const) {
    await assertGolden(name, async (width: Width) => {
      const tasks = CONFIG.tasks.slice(0, 4);
      const config = { ...CONFIG, tasks, schedule: "every 20s" };
      return await inFolder(config, replies(), async (host) => {
        await main(["run", "-q"], host());
        const scene = host({ sleep: "manual", now: "2026-01-15T12:30:00Z" });
        const terminal = connectTerminal(scene, width);
        const ended = main(["watch", ...flags], scene);
        while (!scene.stderr.text.includes("next:")) await scene.advance(0);
        // The second tick is 20 s later.
        for (let second = 0; second < 20; second++) await scene.advance(1_000);
        while (scene.stderr.text.split("next:").length < 3) await scene.advance(0);
        scene.raise("SIGTERM");
        const exitCode = await endOf(ended, scene);
        const { stdout: { text: stdout }, stderr: { text: stderr } } = scene;
        return { exitCode, screen: terminal.screen, stdout, stderr };
      });
    });
  }
});
