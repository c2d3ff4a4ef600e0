/**
 * Golden tests of commands: the exact text at 40, 80 and 200 columns, and without a terminal, in
 * `tests/golden/`. To write the files again, and review them as a diff:
 * `CRONFETCH_TEST_GOLDEN=write deno test -A FILE`.
 */

import { assertEquals } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import type { Fetch } from "../../lib/core/host.ts";
import { TerminalModel } from "../report/terminal_model.ts";
import { type TestHost, testHost, type TestHostOptions } from "./host.ts";

/** Width of a terminal, or null without one. */
export type Width = 40 | 80 | 200 | null;

const WIDTHS: readonly Width[] = [40, 80, 200, null];

/** What a command has written, and its exit code. */
export interface Shown {
  readonly exitCode: number;
  /** What a terminal shows, both outputs on one screen; null without a terminal. */
  readonly screen: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Connects both outputs of a host to one terminal of this width, or to pipes. */
export function connectTerminal(host: TestHost, width: Width): { readonly screen: string | null } {
  if (width === null) return { screen: null };
  const terminal = new TerminalModel(width);
  for (const output of [host.stdout, host.stderr]) {
    Object.assign(output, { terminal: true, width });
    const { write } = output;
    output.write = (text) => {
      const isOpen = write(text);
      if (isOpen) terminal.write(text);
      return isOpen;
    };
  }
  return {
    get screen() {
      return terminal.text;
    },
  };
}

/** Runs a command line in this process. */
export async function showCommand(
  args: readonly string[],
  host: TestHost,
  width: Width,
): Promise<Shown> {
  const terminal = connectTerminal(host, width);
  const exitCode = await main(args, host);
  const { stdout, stderr } = host;
  return { exitCode, screen: terminal.screen, stdout: stdout.text, stderr: stderr.text };
}

/**
 * Compares what a command shows at each width with `tests/golden/NAME.txt`.
 *
 * @param show Runs the command in a new scene: at each width it must meet the same.
 */
export async function assertGolden(
  name: string,
  show: (width: Width) => Promise<Shown>,
): Promise<void> {
  const sections: string[] = [];
  for (const width of WIDTHS) sections.push(sectionOf(width, await show(width)));
  const actual = sections.join("\n");
  const file = new URL(`../golden/${name}.txt`, import.meta.url);
  if (Deno.env.get("CRONFETCH_TEST_GOLDEN") === "write") await Deno.writeTextFile(file, actual);
  assertEquals(actual, await Deno.readTextFile(file), `tests/golden/${name}.txt`);
}

function sectionOf(width: Width, { exitCode, screen, stdout, stderr }: Shown): string {
  if (width !== null) return `=== ${width} columns, exit code ${exitCode}\n${screen}\n`;
  const outputs = [["stdout", stdout], ["stderr", stderr]] as const;
  return outputs.map(([output, text]) => `=== ${output}, no terminal\n${text}`).join("\n");
}

/** A response: a body, a status without one, or a function. */
export type Reply = string | number | ((init: RequestInit) => Response | Promise<Response>);

/** A response whose body is a stream of bytes, as that of a real one. */
export function textResponse(text: string): Response {
  const bytes = new TextEncoder().encode(text);
  // The stream detaches the buffer.
  const { length } = bytes;
  const body = new ReadableStream({
    type: "bytes",
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-length": `${length}` } });
}

/**
 * A host whose network is a table of responses, so that every time and size is the same in each
 * test: clocks and timers are manual. Other URLs are 404.
 */
export function hostWith(
  replies: Readonly<Record<string, Reply>>,
  options: Omit<TestHostOptions, "fetch" | "timers"> = {},
): TestHost {
  const fetch: Fetch = async (url, init) => {
    const reply = replies[url] ?? 404;
    if (typeof reply === "function") return await reply(init);
    if (typeof reply === "number") return new Response(null, { status: reply });
    return textResponse(reply);
  };
  const addresses = Object.fromEntries(
    Object.keys(replies).map((url) => [new URL(url).hostname, ["93.184.215.14"]]),
  );
  return testHost({ addresses, ...options, fetch, timers: "manual" });
}
