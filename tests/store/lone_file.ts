// Stores one file in the folder of the first argument, and prints the result as JSON. With `full` as
// the second argument, drafts are written to /dev/full.

import { CronfetchError } from "../../lib/core/errors.ts";
import { realHost } from "../../lib/host.ts";
import { machineFileSystem } from "../../lib/store/folder/file_system.ts";
import { openFolder } from "../../lib/store/folder/folder.ts";
import { isDraft, replacing } from "./file_system.ts";

const [root = "", device] = Deno.args;
const fileSystem = device === undefined ? machineFileSystem : replacing({
  open: async (path, options) => {
    const file = await machineFileSystem.open(path, options);
    if (!isDraft(path)) return file;
    file.close();
    return await machineFileSystem.open("/dev/full", { write: true });
  },
});

try {
  await using store = openFolder(root, { sync: false, random: realHost().random }, fileSystem);
  await using draft = await store.draft("folder/file");
  await draft.write(new TextEncoder().encode("text"));
  await draft.seal();
  await draft.publish();
  await store.copy("folder/file", "copy");
  say({ code: null, message: "" });
} catch (error) {
  if (!(error instanceof CronfetchError)) throw error;
  say({ code: error.code, message: error.message });
}

function say(what: { code: string | null; message: string }): void {
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(what)));
}
