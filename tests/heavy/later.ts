// The command line, on a machine whose wall clock is some minutes ahead: the first argument says
// how many. So the leases of a killed run end without a minute's wait.

import { main } from "../../lib/cli/main.ts";
import { realHost } from "../../lib/host.ts";

const [minutes = "0", ...args] = Deno.args;
const host = realHost();
const now = () => host.clock.now().add({ minutes: Number(minutes) });
host.exit(await main(args, { ...host, clock: { ...host.clock, now } }));
