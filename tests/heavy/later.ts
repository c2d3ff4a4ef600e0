// The command line with a wall clock that is ahead by the minutes of the first argument, so that
// the leases of a killed run expire without a wait.

import { main } from "../../lib/cli/main.ts";
import { realHost } from "../../lib/host.ts";

const [minutes = "0", ...args] = Deno.args;
const host = realHost();
const now = () => host.clock.now().add({ minutes: Number(minutes) });
host.exit(await main(args, { ...host, clock: { ...host.clock, now } }));
