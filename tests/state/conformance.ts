/** The conformance suite of states: the behaviour of every driver, by topic. */

import { deliveriesConformance } from "./conformance/deliveries.ts";
import { historyConformance } from "./conformance/history.ts";
import { itemsConformance } from "./conformance/items.ts";
import { leasesConformance } from "./conformance/leases.ts";
import { membersConformance } from "./conformance/members.ts";
import { processesConformance } from "./conformance/processes.ts";
import { recordsConformance } from "./conformance/records.ts";
import type { ConformanceTest, Place, SharedPlace } from "./fixture.ts";

/**
 * Registers the tests of one driver.
 *
 * @param name Of the driver, the beginning of every test name.
 * @param makePlace Makes an empty place, once per test.
 */
export function stateConformance(name: string, makePlace: () => Promise<Place>): void {
  const test = tester(name, makePlace);
  recordsConformance(test);
  membersConformance(test);
  deliveriesConformance(test);
  itemsConformance(test);
  historyConformance(test);
  leasesConformance(test);
}

/** Registers the tests of one driver whose states survive a process. */
export function sharingConformance(name: string, makePlace: () => Promise<SharedPlace>): void {
  processesConformance(tester(name, makePlace));
}

function tester<P extends Place>(name: string, makePlace: () => Promise<P>): ConformanceTest<P> {
  return (what, body) => {
    Deno.test(`${name}: ${what}`, async () => {
      await using place = await makePlace();
      await body(place);
    });
  };
}
