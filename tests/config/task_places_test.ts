import { assertEquals } from "@std/assert";
import { loadConfig } from "../../lib/config/load.ts";
import { openTaskPlaces } from "../../lib/config/task_places.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";

Deno.test("openTaskPlaces: the lines of tasks in several files; none of arguments", async () => {
  await using folder = await temporaryFolder();
  const texts = {
    "a.yaml":
      "store: x\ntasks:\n  - https://example.org/1\n  - id: two\n    url: https://example.org/2\n",
    "b.txt": "# a list\n\nhttps://example.org/3\n",
    "c.ts": "export default { tasks: ['https://example.org/4'] };\n",
    "d.jsonc":
      '{\n  "tasks": [\n    // six\n    {\n      "url": "https://example.org/5"\n    }\n  ]\n}\n',
  };
  for (const [name, text] of Object.entries(texts)) {
    await Deno.writeTextFile(folder.file(name), text);
  }
  const host = testHost({ cwd: folder.path });
  const config = await loadConfig({
    files: Object.keys(texts),
    urls: ["https://example.org/6"],
    overrides: {},
    at: host.clock.now(),
  }, host);
  const find = await openTaskPlaces(config, host);
  const at = (name: string, line: number) => ({ file: folder.file(name), line });
  assertEquals(["1", "two", "3", "4", "5", "6", "unknown"].map(find), [
    at("a.yaml", 3),
    at("a.yaml", 4),
    at("b.txt", 3),
    null,
    at("d.jsonc", 4),
    null,
    null,
  ]);
});
