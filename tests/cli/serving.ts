/** `serve`, in this process with manual sleeps, or in another process. */

import { main } from "../helpers/command_line.ts";
import type { TestHost } from "../helpers/host.ts";
import { CONFIG, MAIN } from "../helpers/program.ts";
import type { Workspace } from "./workspace.ts";

/** The token that actions require. */
export const TOKEN = "top-secret-token";

/** A client of a page. */
export interface Visitor {
  /** Its URL, with a slash at the end. */
  readonly url: string;
  /** The text at a path. */
  text(path: string): Promise<string>;
  // deno-lint-ignore no-explicit-any -- each test asserts the fields it reads
  json(path: string): Promise<any>;
  /** Submits the form, by default with the token. Returns the status. */
  act(fields: Record<string, string>): Promise<number>;
}

/** `serve` in this process. */
export interface Served extends Visitor, AsyncDisposable {
  readonly host: TestHost;
  /**
   * Waits until a condition holds. While the watch sleeps, each turn moves the clock by a slice; a
   * tick is therefore never passed while the run of an earlier one is under way.
   *
   * @throws After {@linkcode MOST_TURNS} turns, so that a condition that never holds fails the test.
   */
  until(isTrue: () => boolean | Promise<boolean>, sliceMs?: number): Promise<void>;
  /** Its exit code, once it has ended. */
  ended(): Promise<number>;
}

/** Maximal turns of {@linkcode Served.until}, each of at least a millisecond. */
const MOST_TURNS = 10_000;

/** Creates a client. */
export function visitor(url: string): Visitor {
  const text = async (path: string) => await (await fetch(new URL(path, url))).text();
  return {
    url,
    text,
    json: async (path) => JSON.parse(await text(path)),
    act: async (fields) => {
      const response = await fetch(new URL("actions", url), {
        method: "POST",
        body: new URLSearchParams({ token: TOKEN, ...fields }),
        redirect: "manual",
      });
      await response.body?.cancel();
      return response.status;
    },
  };
}

/** Starts `serve` at a free port. Disposal stops it. */
export async function serve(at: Workspace, args: readonly string[] = []): Promise<Served> {
  const host = at.host({ sleep: "manual", env: { CRONFETCH_TOKEN: TOKEN } });
  let code: number | null = null;
  const exitCode = main(["serve", "--port", "0", ...args], host);
  exitCode.then((given) => code = given, () => code = -1);
  const until: Served["until"] = async (isTrue, sliceMs = 0) => {
    for (let turn = 0; !await isTrue(); turn++) {
      if (turn === MOST_TURNS) throw new Error(`still false after ${turn} turns: ${isTrue}`);
      await host.advance(host.sleeping() > 0 ? sliceMs : 0);
      await new Promise((done) => setTimeout(done, 1));
    }
  };
  await until(() => code !== null || host.stderr.text.includes("\n"));
  const ended = async () => {
    await until(() => code !== null);
    return await exitCode;
  };
  return {
    ...visitor(/http:\S+/.exec(host.stderr.text)?.[0] ?? ""),
    host,
    until,
    ended,
    [Symbol.asyncDispose]: async () => {
      if (code === null) host.raise("SIGTERM");
      await ended();
    },
  };
}

/** `serve` in another process. */
export interface ServingProcess extends Visitor, AsyncDisposable {
  /** Sends a signal. Returns the exit code and the standard output. */
  end(signal: "SIGINT" | "SIGTERM"): Promise<{ readonly code: number; readonly stdout: string }>;
}

/** Starts a process at a free port. */
export async function serveInProcess(
  folder: string,
  { args = [], permissions = ["-A"], env = {}, handles }: {
    readonly args?: readonly string[];
    /** File handles that the process may have. Default: as many as this one. */
    readonly handles?: number;
    readonly permissions?: readonly string[];
    readonly env?: Record<string, string>;
  },
): Promise<ServingProcess> {
  const limited = handles === undefined
    ? []
    : ["sh", "-c", 'ulimit -n "$0" && exec "$@"', `${handles}`];
  const [program, ...words] = [...limited, Deno.execPath()];
  const child = new Deno.Command(program, {
    args: [
      ...words,
      "run",
      "--quiet",
      "--no-prompt",
      "--config",
      CONFIG,
      ...permissions,
      MAIN,
      "serve",
      ...args,
    ],
    cwd: folder,
    env: { NO_COLOR: "1", NO_PROXY: "127.0.0.1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdout = new Response(child.stdout).text();
  const lines = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  let url: string | undefined;
  while (url === undefined) {
    const { value, done } = await lines.read();
    if (done) throw new Error(`serve ended: ${said}`);
    said += value;
    url = /at (http:\S+)\n/.exec(said)?.[1];
  }
  const rest = (async () => {
    while (!(await lines.read()).done);
  })();
  let isEnded = false;
  const end: ServingProcess["end"] = async (signal) => {
    if (!isEnded) child.kill(signal);
    isEnded = true;
    const { code } = await child.status;
    await rest;
    return { code, stdout: await stdout };
  };
  return {
    ...visitor(url),
    end,
    [Symbol.asyncDispose]: async () => void await end("SIGTERM"),
  };
}
