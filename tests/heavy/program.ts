/** cronfetch as a process of its own: seen by its events, and killed at will. */

import { fromFileUrl, join } from "@std/path";
import type { RunEvent } from "../../lib/core/event.ts";

const LATER = fromFileUrl(new URL("later.ts", import.meta.url));

/** How a {@linkcode Program} ended. */
export interface Ending {
  readonly code: number;
  /** The signal that ended it, or null. */
  readonly signal: Deno.Signal | null;
  /** What it said to people. */
  readonly said: string;
}

/** A run under way. Disposing of it kills it. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Ending>;
  /** Fulfilled at the event with this number, the first being 1; never if there are fewer. */
  reached(events: number): Promise<void>;
  /** SIGKILL; nothing if it has ended. */
  kill(): void;
}

/** What a run is started with. */
export interface ProgramOptions {
  /** The most its objects may take, in MiB; with more, the process dies. Default: V8's own. */
  readonly heapMiB?: number;
  /** What is in its environment besides. */
  readonly env?: Readonly<Record<string, string>>;
  /** How far the wall clock is ahead. Default: 0. */
  readonly minutesAhead?: number;
  /** Told every event. */
  readonly onEvent?: (event: RunEvent) => void;
}

/** Writes a config into a folder, and gives its path. */
export async function writeConfig(folder: string, config: unknown): Promise<string> {
  const path = join(folder, "cronfetch.json");
  await Deno.writeTextFile(path, JSON.stringify(config));
  return path;
}

/** Starts `cronfetch run` on a config file. */
export function startRun(config: string, options: ProgramOptions = {}): Program {
  const { heapMiB, env = {}, minutesAhead = 0 } = options;
  const heap = heapMiB === undefined ? [] : [`--v8-flags=--max-old-space-size=${heapMiB}`];
  const command = ["run", "--quiet", "--no-prompt", "-A", ...heap, LATER, `${minutesAhead}`];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...command, "run", "--json", "--quiet", "-c", config],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const waiting = new Map<number, () => void>();
  let events = 0;
  let over = false;

  const listen = async () => {
    for await (const line of lines(child.stdout)) {
      const event: RunEvent = JSON.parse(line);
      options.onEvent?.(event);
      waiting.get(++events)?.();
    }
  };
  const end = async (): Promise<Ending> => {
    const [status, said] = await Promise.all([
      child.status,
      new Response(child.stderr).text(),
      listen(),
    ]);
    over = true;
    return { code: status.code, signal: status.signal, said };
  };
  const kill = () => {
    if (over) return;
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It has ended by itself just now.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  const ended = end();
  return {
    pid: child.pid,
    ended,
    reached: (count) => new Promise((done) => void waiting.set(count, done)),
    kill,
    async [Symbol.asyncDispose]() {
      kill();
      await ended;
    },
  };
}

/** Lines as they come; what a killed process leaves of a last one is left out. */
async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const complete = (rest + text).split("\n");
    rest = complete.pop() ?? "";
    yield* complete;
  }
}
