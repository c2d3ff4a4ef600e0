/** The conformance suite of stores: the behaviour of every driver, by topic. */

import { draftsConformance } from "./conformance/drafts.ts";
import { filesConformance } from "./conformance/files.ts";
import { keysConformance } from "./conformance/keys.ts";
import { publishConformance } from "./conformance/publish.ts";
import { suspendConformance } from "./conformance/suspend.ts";
import type { ConformanceTest, StoreFixture } from "./fixture.ts";

export type { StoreFixture };

/**
 * Registers the tests of one driver.
 *
 * @param name Of the driver, the beginning of every test name.
 * @param open Opens an empty store, once per test.
 */
export function storeConformance(name: string, open: () => Promise<StoreFixture>): void {
  const test: ConformanceTest = (what, body) =>
    Deno.test(`${name}: ${what}`, async () => {
      await using fixture = await open();
      await body(fixture.store, fixture);
    });
  draftsConformance(test);
  publishConformance(test);
  filesConformance(test);
  keysConformance(test);
  suspendConformance(test);
}
