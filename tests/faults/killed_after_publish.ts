// A run to be killed: it publishes its file, reports that instead of saving the record, and waits.

import { realHost } from "../../lib/host.ts";
import { run } from "../helpers/library.ts";
import { openState } from "../helpers/open.ts";

const [store = "", location = "", url = ""] = Deno.args;
const host = realHost();
const opened = await openState(location, host);
const state = new Proxy(opened, {
  get(target, name) {
    if (name === "save") {
      Deno.stdout.writeSync(new TextEncoder().encode("published\n"));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
    const value: unknown = Reflect.get(target, name);
    return typeof value === "function" ? value.bind(target) : value;
  },
});
await run({ store, tasks: [{ id: "a", url, to: "{name}" }] }, { host, state });
