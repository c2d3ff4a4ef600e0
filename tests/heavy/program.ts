/** cronfetch as a child process, with its events, to be killed at any time. */

import { fromFileUrl, join } from "@std/path";
import type { RunEvent } from "../../lib/core/event.ts";

const LATER = fromFileUrl(new URL("later.ts", import.meta.url));

/** How a {@linkcode Program} ended. */
export interface Ending {
  readonly code: number;
  /** The signal that ended it, or null. */
  readonly signal: Deno.Signal | null;
  /** Its stderr. */
  readonly stderr: string;
}

/** A running `cronfetch run`. Disposing of it kills it. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Ending>;
  /** Resolves at the event with this number, from 1; never if there are fewer. */
  reached(events: number): Promise<void>;
  /** Sends SIGKILL, unless it has ended. */
  kill(): void;
}

/** Options of a run. */
export interface ProgramOptions {
  /** Heap limit in MiB, above which the process crashes. Default: that of V8. */
  readonly heapMiB?: number;
  /** Additional environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** How far the wall clock is ahead. Default: 0. */
  readonly minutesAhead?: number;
  /** Called with every event. */
  readonly onEvent?: (event: RunEvent) => void;
}

/** Writes a config into a folder; returns its path. */
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
    const [status, stderr] = await Promise.all([
      child.status,
      new Response(child.stderr).text(),
      listen(),
    ]);
    over = true;
    return { code: status.code, signal: status.signal, stderr };
  };
  const kill = () => {
    if (over) return;
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It has already ended.
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

/** Lines of a stream; an incomplete last line of a killed process is skipped. */
async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const complete = (rest + text).split("\n");
    rest = complete.pop() ?? "";
    yield* complete;
  }
}
