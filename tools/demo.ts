/**
 * Runs cronfetch twice against a server of this program on loopback, into a temporary folder. The
 * first run downloads six files, one of them slow and one flaky. Before the second run one file
 * changes, and one URL begins to answer with a login page. Exits with 0 if the results are as
 * expected.
 */

import { join } from "@std/path";
import { main } from "../lib/cli/main.ts";
import type { Host } from "../lib/core/host.ts";
import { EXIT } from "../lib/core/result.ts";
import { realHost } from "../lib/host.ts";

/** Changes between the runs. */
const UPDATED = "rates.csv";
/** Answered with a login page in the second run. */
const REFUSED = "orders.csv";
const SLOW = "archive.txt";
/** Answered with 503 twice. */
const FLAKY = "stations.csv";

const UNCHANGED = ["countries.csv", "airports.csv", FLAKY, SLOW];
const NAMES = [...UNCHANGED, UPDATED, REFUSED];

const LOGIN = "<!doctype html><title>Sign in</title><p>Your session has expired.\n";

/** Content of a file: about 40 KB, different for each name and edition. */
function content(name: string, edition: number): string {
  return `name,edition,number\n${`${name},${edition},42\n`.repeat(1_900 + 100 * edition)}`;
}

/** A text in chunks, with a pause before each. */
function inChunks(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const chunkBytes = Math.ceil(bytes.length / 8);
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      controller.enqueue(bytes.slice(sent, sent += chunkBytes));
      if (sent >= bytes.length) controller.close();
    },
  });
}

/** What the server has at a time. */
interface Origin {
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  /** Changes one file, replaces another one by a login page, and counts bytes from zero. */
  change(): void;
  /** The bytes of the contents sent, by name. */
  readonly sentBytes: ReadonlyMap<string, number>;
}

function startOrigin(): Origin {
  let refusals = 2;
  let hasChanged = false;
  const sentBytes = new Map<string, number>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const name = new URL(request.url).pathname.slice(1);
    if (name === FLAKY && refusals-- > 0) return new Response("busy\n", { status: 503 });
    if (name === REFUSED && hasChanged) {
      return new Response(LOGIN, { headers: { "content-type": "text/html" } });
    }
    const edition = name === UPDATED && hasChanged ? 2 : 1;
    const etag = `"${edition}"`;
    if (request.headers.get("if-none-match") === etag) return new Response(null, { status: 304 });
    const text = content(name, edition);
    sentBytes.set(name, (sentBytes.get(name) ?? 0) + text.length);
    const headers = { etag, "content-type": "text/csv", "content-length": `${text.length}` };
    return new Response(name === SLOW ? inChunks(text) : text, { headers });
  });
  const change = () => {
    hasChanged = true;
    sentBytes.clear();
  };
  return { server, change, sentBytes };
}

/** Differences between the folder and the editions that it should have. */
async function differences(folder: string, updatedEdition: number): Promise<string[]> {
  const found: string[] = [];
  const present: string[] = [];
  for await (const { name } of Deno.readDir(folder)) present.push(name);
  if (present.sort().join() !== NAMES.toSorted().join()) {
    found.push(`the folder contains ${present}`);
  }
  for (const name of NAMES) {
    const edition = name === UPDATED ? updatedEdition : 1;
    const text = await Deno.readTextFile(join(folder, name));
    if (text !== content(name, edition)) found.push(`${name} is not edition ${edition}`);
  }
  return found;
}

/** Runs once. Returns what is not as expected. */
async function runOnce(
  folder: string,
  expected: { readonly exitCode: number; readonly updatedEdition: number },
  host: Host,
): Promise<string[]> {
  const exitCode = await main(["run"], { ...host, cwd: () => folder });
  const found = await differences(join(folder, "downloads"), expected.updatedEdition);
  return exitCode === expected.exitCode
    ? found
    : [`the exit code is ${exitCode}, not ${expected.exitCode}`, ...found];
}

/** Printed before the second run. */
export const SECOND_COMMAND =
  `$ cronfetch run   # again: ${UPDATED} has changed, ${REFUSED} is a login page now`;

const CONCLUSION = `As expected: ${UPDATED} is new, the login page did not replace ${REFUSED},\n` +
  `and the server sent 0 bytes of the ${UNCHANGED.length} unchanged files.`;

/**
 * Runs cronfetch twice, with all output on standard error.
 *
 * @param host The real world, whose standard error may be another one.
 * @returns What is not as expected.
 */
export async function demonstrate(host: Host): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "cronfetch-demo-" });
  try {
    const origin = startOrigin();
    await using server = origin.server;
    const tasks = NAMES.map((name) => `http://127.0.0.1:${server.addr.port}/${name}`);
    await Deno.writeTextFile(join(folder, "cronfetch.json"), JSON.stringify({ tasks }));

    host.stderr.write(`$ cronfetch run   # ${NAMES.length} files of a server on this machine\n\n`);
    const found = await runOnce(folder, { exitCode: EXIT.good, updatedEdition: 1 }, host);
    origin.change();
    host.stderr.write(`\n${SECOND_COMMAND}\n\n`);
    found.push(...await runOnce(folder, { exitCode: EXIT.failed, updatedEdition: 2 }, host));
    for (const name of UNCHANGED.filter((name) => origin.sentBytes.has(name))) {
      found.push(`${name} was sent again`);
    }
    host.stderr.write(
      found.length === 0
        ? `\n${CONCLUSION}\n`
        : `\nUnexpected:\n${found.map((line) => `  ${line}\n`).join("")}`,
    );
    return found;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exitCode = (await demonstrate(realHost())).length === 0 ? 0 : 1;
