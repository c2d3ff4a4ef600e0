/** Every command that opens an unreadable state ends with exit code 2. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { shown, tree } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import { workspace } from "./workspace.ts";

for (const state of ["kv:state.db", "file:state.json"]) {
  for (const command of ["run", "plan --due", "status", "verify", "watch"]) {
    Deno.test(`row 143: ${command} over an unreadable ${state} exits 2 without a request`, async () => {
      await using server = origin({ "/a.txt": "a\n" });
      await using at = await workspace({ state, tasks: [`${server.origin}/a.txt`] });
      const path = at.folder.file(state.replace(/^\w+:/, ""));
      await Deno.writeTextFile(path, "meeting at noon\n");
      const host = at.host();
      assertEquals(await main(command.split(" "), host), 2, host.stderr.text);
      assertStringIncludes(
        host.stderr.text,
        "move it away to start from scratch; published files are kept\n",
      );
      assertEquals([server.hits(), await Deno.readTextFile(path)], [0, "meeting at noon\n"]);
      await Deno.remove(path);
      assertEquals(await main(["run", "-q"], at.host()), 0);
    });
  }
}

const COMMANDS: readonly (readonly [args: readonly string[], exitCode: number])[] = [
  [["run", "--due"], 2],
  [["plan", "--due"], 2],
  [["status"], 2],
  [["status", "--json"], 2],
  [["verify"], 2],
  [["verify", "--fix"], 2],
  [["watch"], 2],
  [["serve", "--port", "0"], 2],
  // A damaged state is a result of doctor.
  [["doctor"], 3],
];

const DAMAGED: readonly (readonly [kind: string, location: string, bytes: string])[] = [
  ["torn JSON", "file:state", '{"format": 2, "records": {'],
  ["JSON of something else", "file:state", "[1, 2]"],
  ["a format of a newer version", "file:state", '{"format": 99}'],
  ["no database", "kv:state", "x".repeat(5_000)],
];

Deno.test("row 143: a damaged state ends every command with a message, without a request", async (t) => {
  await using server = origin({ "/a": "a" });
  for (const [kind, location, bytes] of DAMAGED) {
    await t.step(kind, async () => {
      await using at = await workspace({
        state: location,
        tasks: [{ id: "a", url: `${server.origin}/a` }],
      });
      await Deno.writeTextFile(at.folder.file("state"), bytes);
      for (const [args, exitCode] of COMMANDS) {
        const host = at.host();
        assertEquals(await main(args, host), exitCode, args.join(" "));
        const text = host.stderr.text + host.stdout.text;
        assertStringIncludes(text, `state ${location.split(":")[0]}:`);
        for (const trace of ["This is a bug", "    at ", "panic"]) {
          assertEquals(text.includes(trace), false, text);
        }
      }
      assertEquals((await tree(at.folder.path))["state"], await shown(bytes));
    });
  }
  assertEquals(server.hits(), 0);
});
