// A run for the test to kill: publishes a file, creates drafts in two folders, reports it and waits.

import { openFolder } from "../../lib/store/folder/folder.ts";
import { realHost } from "../../lib/host.ts";
import { AS_FILE } from "./fixture.ts";

const [root = ""] = Deno.args;
const store = openFolder(root, { sync: false, random: realHost().random });
const bytes = new TextEncoder().encode("text");

for (const key of ["folder/published", "folder/a", "folder/b", "other/c"]) {
  const draft = await store.draft(key, AS_FILE);
  await draft.write(bytes.slice());
  if (key === "other/c") continue;
  await draft.seal();
  if (key === "folder/published") await draft.publish();
}
await Deno.stdout.write(new TextEncoder().encode("ready\n"));
// Keeps the process alive until it is killed.
setInterval(() => {}, 60_000);
