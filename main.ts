/**
 * cronfetch keeps a folder of remote files up to date. This is its command line;
 * programs use `lib/mod.ts`.
 *
 * @module
 */

import { main } from "./lib/cli.ts";
import { realHost } from "./lib/host.ts";

if (import.meta.main) {
  const host = realHost();
  host.exit(await main(Deno.args, host));
}
