// A run for the test to kill: starts uploading a large file, reports it and waits.

import { realHost } from "../../lib/host.ts";
import { openStore } from "../helpers/open.ts";

const [location = ""] = Deno.args;
const store = await openStore(location, { sync: false }, realHost());
const draft = await store.draft("large.bin");
for (let mebibytes = 0; mebibytes < 12; mebibytes++) await draft.write(new Uint8Array(2 ** 20));
await Deno.stdout.write(new TextEncoder().encode("ready\n"));
// Keeps the process alive until it is killed.
setInterval(() => {}, 60_000);
