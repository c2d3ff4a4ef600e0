/** Every command that opens an unreadable state ends with exit code 2. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../lib/cli.ts";
import { origin } from "../helpers/origin.ts";
import { place } from "./place.ts";

for (const state of ["kv:state.db", "file:state.json"]) {
  for (const command of ["run", "plan --due", "status", "verify", "watch"]) {
    Deno.test(`row 143: ${command} over an unreadable ${state} exits 2 without a request`, async () => {
      await using server = origin({ "/a.txt": "a\n" });
      await using at = await place({ state, tasks: [`${server.origin}/a.txt`] });
      const path = at.folder.file(state.replace(/^\w+:/, ""));
      await Deno.writeTextFile(path, "meeting at noon\n");
      const host = at.host();
      assertEquals(await main(command.split(" "), host), 2, host.stderr.text);
      assertStringIncludes(
        host.stderr.text,
        "move it away to start afresh; published files are kept\n",
      );
      assertEquals([server.hits(), await Deno.readTextFile(path)], [0, "meeting at noon\n"]);
      await Deno.remove(path);
      assertEquals(await main(["run", "-q"], at.host()), 0);
    });
  }
}
