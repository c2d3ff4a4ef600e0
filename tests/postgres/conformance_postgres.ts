import { bufferedState } from "../../lib/state/buffered.ts";
import { openPostgres } from "../../lib/state/postgres/open.ts";
import { POSTGRES_MISSING, postgresLocation, sharedPostgres } from "../helpers/postgres.ts";
import { stateConformance } from "../state/conformance.ts";
import type { Place } from "../state/fixture.ts";

const { ignore, server } = sharedPostgres();

let database: Promise<string> | null = null;
let schemas = 0;

/** A schema of its own, whose leases end by the clock of the test. */
async function postgresPlace(): Promise<Place> {
  const name = await (database ??= server().makeDatabase());
  const location = postgresLocation(`${server().url(name)}?schema=s${++schemas}`);
  return {
    open: async (host, historyMs) => {
      const now = () => host.clock.now().epochMilliseconds;
      const opened = await openPostgres(location, host, { now });
      if (opened === null) throw new Error("it has no tables");
      return bufferedState(opened.driver, host, historyMs);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

if (ignore) Deno.test.ignore(`postgres (${POSTGRES_MISSING}): the conformance suite`, () => {});
else stateConformance("postgres", postgresPlace);
