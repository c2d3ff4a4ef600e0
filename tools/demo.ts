/**
 * Runs cronfetch against a server of this program on loopback: five good files, a slow one, a flaky
 * one and a missing one, into a temporary folder. Exits with 0 if the result is as expected.
 */

import { join } from "@std/path";
import { main } from "../lib/cli/main.ts";
import { EXIT } from "../lib/core/result.ts";
import { realHost } from "../lib/host.ts";

const MISSING = "missing.pdf";

/** Content of the files: 40 KB each, all different. */
function content(name: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`This is ${name}.\n`.repeat(2500));
}

/** A body in chunks, with a pause before each. */
function inChunks(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieceBytes = Math.ceil(bytes.length / 8);
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      controller.enqueue(bytes.slice(sent, sent += pieceBytes));
      if (sent >= bytes.length) controller.close();
    },
  });
}

function startOrigin(): Deno.HttpServer<Deno.NetAddr> {
  let refusals = 2;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const name = new URL(request.url).pathname.slice(1);
    const bytes = content(name);
    if (name === MISSING) return new Response("no such file\n", { status: 404 });
    if (name === "flaky.txt" && refusals-- > 0) return new Response("busy\n", { status: 503 });
    const headers = { "content-length": String(bytes.length) };
    return new Response(name === "slow.txt" ? inChunks(bytes) : bytes, { headers });
  });
}

/** Differences from the expected result. */
async function differences(exitCode: number, folder: string, names: string[]): Promise<string[]> {
  const found: string[] = [];
  if (exitCode !== EXIT.failed) found.push(`the exit code is ${exitCode}, not ${EXIT.failed}`);
  const present: string[] = [];
  for await (const entry of Deno.readDir(folder)) present.push(entry.name);
  const expected = names.filter((name) => name !== MISSING).sort();
  if (present.sort().join() !== expected.join()) found.push(`the folder contains ${present}`);
  for (const name of expected) {
    const bytes = await Deno.readFile(join(folder, name));
    if (new TextDecoder().decode(bytes) !== new TextDecoder().decode(content(name))) {
      found.push(`${name} differs from the server's file`);
    }
  }
  return found;
}

const host = realHost();
const folder = await Deno.makeTempDir({ prefix: "cronfetch-demo-" });
try {
  const names = ["one.txt", "two.txt", "three.txt", "four.txt", "five.txt"];
  names.push("slow.txt", "flaky.txt", MISSING);
  await using origin = startOrigin();
  const tasks = names.map((name) => `http://127.0.0.1:${origin.addr.port}/${name}`);
  const config = join(folder, "cronfetch.json");
  await Deno.writeTextFile(config, JSON.stringify({ state: "memory:", tasks }));

  host.stderr.write(`$ cronfetch run   # ${tasks.length} files from a server on this machine\n\n`);
  const exitCode = await main(["run", "-c", config], host);
  const found = await differences(exitCode, join(folder, "downloads"), names);
  host.stderr.write(
    found.length === 0
      ? `\nExit code ${exitCode} as expected: ${MISSING} does not exist, every other file is complete.\n`
      : `\nUnexpected:\n${found.map((line) => `  ${line}\n`).join("")}`,
  );
  Deno.exitCode = found.length === 0 ? 0 : 1;
} finally {
  await Deno.remove(folder, { recursive: true });
}
