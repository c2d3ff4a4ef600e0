import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { namedConnect } from "../helpers/named_connect.ts";
import { origin } from "../helpers/origin.ts";
import { workspace } from "./workspace.ts";

const URL_OF_FILE = "http://a.example/file.txt";

/** Runs a task with a private host name. */
async function runWith(args: readonly string[], task: object, env: Record<string, string> = {}) {
  await using server = origin({ "/file.txt": "text\n" });
  await using at = await workspace({ tasks: [{ id: "a", url: URL_OF_FILE, ...task }] });
  const { connect } = namedConnect(server.origin, { "a.example": ["10.0.0.1"] });
  const host = at.host({ connect, env });
  const exitCode = await main(["run", ...args], host);
  return { exitCode, requests: server.hits(), text: host.stderr.text };
}

Deno.test("row 136: --allow-private takes precedence over the variable, and that over the file", async () => {
  const off = { CRONFETCH_ALLOW_PRIVATE: "false" };
  const table: [what: string, args: string[], task: object, env: object, exitCode: number][] = [
    ["nothing", [], {}, {}, 3],
    ["the file", [], { allowPrivate: true }, {}, 0],
    ["the flag", ["--allow-private"], {}, {}, 0],
    ["the flag and the file", ["--allow-private"], { allowPrivate: false }, {}, 0],
    ["the flag and the variable", ["--allow-private"], {}, off, 0],
    ["the variable", [], {}, { CRONFETCH_ALLOW_PRIVATE: "true" }, 0],
    ["the variable and the file", [], { allowPrivate: true }, off, 3],
    ["a URL", ["--allow-private", URL_OF_FILE], {}, {}, 0],
  ];
  for (const [what, args, task, env, exitCode] of table) {
    const outcome = await runWith(args, task, { ...env });
    assertEquals([outcome.exitCode, outcome.requests > 0], [exitCode, exitCode === 0], what);
    if (exitCode !== 0) assertStringIncludes(outcome.text, "--allow-private");
  }
});
