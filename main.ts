/**
 * cronfetch keeps a folder of remote files up to date. This module is its command line, and on Deno
 * Deploy its cron and its status page. Programs import `lib/mod.ts`.
 *
 * @module
 */

import { main } from "./lib/cli/main.ts";
import type { Host } from "./lib/core/host.ts";
import { isOnDeploy } from "./lib/deploy/platform.ts";
import { realHost, realPlatform } from "./lib/host.ts";

export { main };

const host: Host = {
  ...realHost(),
  openThread: async (...callbacks) =>
    await (await import("./lib/open_thread.ts")).openThread(...callbacks),
};
if (isOnDeploy(host)) {
  const { deploy } = await import("./lib/deploy/deploy.ts");
  await deploy(host, realPlatform());
} else if (import.meta.main) {
  host.exit(await main(Deno.args, host));
}
