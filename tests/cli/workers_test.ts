// Threads of a process: the program of a thread is loaded, of the sources or of the bundle.

import { assertEquals } from "@std/assert";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import { CONFIG, MAIN } from "../helpers/program.ts";

Deno.test("run --workers: threads of the process download each file once", async () => {
  await using folder = await temporaryFolder();
  const names = Array.from({ length: 60 }, (_, index) => `${index}.txt`);
  const routes = Object.fromEntries(names.map((name) => [`/${name}`, `${name}\n`]));
  await using one = origin(routes);
  await using other = origin(routes);
  const tasks = [one, other].flatMap((server, host) =>
    names.map((name) => ({ url: `${server.origin}/${name}`, to: `${host}/${name}` }))
  );
  await Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify({ tasks }));
  // The command of the documentation.
  const page = await Deno.readTextFile(new URL("../../docs/fleet.md", import.meta.url));
  const [, command = ""] = /^cronfetch (run --workers .*)$/m.exec(page) ?? [];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--config", CONFIG, "-A", MAIN],
      ...[...command.split(" "), "--json", "-q"],
    ],
    cwd: folder.path,
    env: { NO_COLOR: "1", GITHUB_ACTIONS: "" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  const events = new TextDecoder().decode(stdout).trimEnd().split("\n");
  assertEquals(events.filter((line) => line.includes('"status":"created"')).length, 120);
  assertEquals([one.hits(), other.hits()], [60, 60]);
  const expected = [0, 1].flatMap((host) => names.map((name) => [`${host}/${name}`, `${name}\n`]));
  assertEquals(await tree(folder.file("downloads")), Object.fromEntries(expected));
});
