/** The conformance suite of dispatches: the behaviour of every driver. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Claim, Dispatch } from "../../lib/fleet/dispatch.ts";

/** The place of a dispatch. */
export interface DispatchPlace extends AsyncDisposable {
  /** Opens the dispatch, as another worker would. */
  open(): Promise<Dispatch>;
  /** The driver's time. */
  now(): Temporal.Instant;
  /** Lets the driver's time pass, and ended leases be noticed. */
  advance(durationMs: number): Promise<void>;
}

const sorted = (claims: readonly Claim[]) => claims.map(({ host }) => host).sort();

const only = (claims: readonly Claim[]): Claim => {
  const [claim, ...others] = claims;
  assert(claim !== undefined && others.length === 0);
  return claim;
};

/**
 * Registers the tests of one driver.
 *
 * @param makePlace Makes an empty place, once per test.
 * @param options `sharing` if dispatches of one place have the same hosts.
 */
export function dispatchConformance(
  name: string,
  makePlace: () => Promise<DispatchPlace>,
  { ignore = false }: { readonly ignore?: boolean } = {},
): void {
  const test = (what: string, body: (place: DispatchPlace) => Promise<void>) =>
    Deno.test({
      name: `${name}: ${what}`,
      ignore,
      fn: async () => {
        await using place = await makePlace();
        await body(place);
      },
    });

  test("claims nothing while nothing is announced", async (place) => {
    await using dispatch = await place.open();
    assertEquals(await dispatch.claim("w", 10), []);
    assertEquals(await dispatch.announce([]), 0);
    assertEquals(await dispatch.renew([]), []);
  });

  test("a host is announced once, until its claim is finished", async (place) => {
    await using dispatch = await place.open();
    assertEquals(await dispatch.announce(["a", "b", "a"]), 2);
    assertEquals(await dispatch.announce(["b", "c"]), 1);
    assertEquals(sorted(await dispatch.claim("w", 10)), ["a", "b", "c"]);
    assertEquals(await dispatch.announce(["a"]), 0);
    assertEquals(await dispatch.claim("w", 10), []);
  });

  test("claims at most the limit, each host once, over several workers", async (place) => {
    await using one = await place.open();
    await using other = await place.open();
    const hosts = Array.from({ length: 60 }, (_, index) => `${index}.example.org`);
    await one.announce(hosts);
    const claimed: Claim[] = [];
    for (let round = 0; round < 4; round++) {
      const both = await Promise.all([one.claim("one", 10), other.claim("other", 10)]);
      assert(both.every((claims) => claims.length <= 10));
      claimed.push(...both.flat());
    }
    for (let rest = await one.claim("one", 10); rest.length > 0;) {
      claimed.push(...rest);
      rest = await one.claim("one", 10);
    }
    assertEquals(sorted(claimed), hosts.toSorted());
  });

  test("hosts are claimed in the order in which they were announced", async (place) => {
    await using dispatch = await place.open();
    for (const host of ["c", "a", "b"]) await dispatch.announce([host]);
    const order: string[] = [];
    for (let count = 0; count < 3; count++) order.push(only(await dispatch.claim("w", 1)).host);
    assertEquals(order, ["c", "a", "b"]);
  });

  test("a finished host may be announced again, and its fence grows", async (place) => {
    await using dispatch = await place.open();
    let last = 0;
    for (let round = 0; round < 3; round++) {
      assertEquals(await dispatch.announce(["a"]), 1);
      const claim = only(await dispatch.claim("w", 1));
      assert(claim.fence > last, `${claim.fence} after ${last}`);
      last = claim.fence;
      assertEquals(await dispatch.finish(claim), true);
      assertEquals(await dispatch.finish(claim), false);
      assertEquals(await dispatch.renew([claim]), []);
    }
  });

  test("a lease ends after its duration, and another worker claims the host", async (place) => {
    await using dispatch = await place.open();
    await using other = await place.open();
    await dispatch.announce(["a"]);
    const lost = only(await dispatch.claim("w", 1));
    await place.advance(dispatch.leaseMs - 2_000);
    assertEquals(await other.claim("other", 1), []);
    await place.advance(4_000);
    assertEquals(await dispatch.announce(["a"]), 0);
    const claim = only(await other.claim("other", 1));
    assertEquals(claim.host, "a");
    assert(claim.fence > lost.fence);
    assertEquals(await dispatch.renew([lost]), []);
    assertEquals(await dispatch.finish(lost), false);
    assertEquals(await dispatch.park(lost, place.now().add({ hours: 1 })), false);
    assertEquals(sorted(await other.renew([claim])), ["a"]);
    assertEquals(await other.finish(claim), true);
  });

  test("a lease that has ended is no longer the worker's, before another claims it", async (place) => {
    await using dispatch = await place.open();
    await dispatch.announce(["a"]);
    const lost = only(await dispatch.claim("w", 1));
    await place.advance(dispatch.leaseMs + 2_000);
    assertEquals(await dispatch.renew([lost]), []);
    assertEquals(await dispatch.finish(lost), false);
    assertNotEquals(only(await dispatch.claim("w", 1)).fence, lost.fence);
  });

  test("a renewed lease lasts from the renewal on", async (place) => {
    await using dispatch = await place.open();
    await dispatch.announce(["a", "b"]);
    const claims = await dispatch.claim("w", 2);
    const kept = claims.filter(({ host }) => host === "a");
    for (let round = 0; round < 3; round++) {
      await place.advance(dispatch.leaseMs - 2_000);
      assertEquals(await dispatch.renew(kept), kept);
    }
    assertEquals(sorted(await dispatch.claim("w", 2)), ["b"]);
    assertEquals(await dispatch.renew(claims), kept);
  });

  test("a parked host waits until its time", async (place) => {
    await using dispatch = await place.open();
    await using other = await place.open();
    await dispatch.announce(["a", "b"]);
    const claims = await dispatch.claim("w", 2);
    for (const claim of claims) {
      const seconds = claim.host === "a" ? 60 : 3_600;
      assertEquals(await dispatch.park(claim, place.now().add({ seconds })), true);
      assertEquals(await dispatch.finish(claim), false);
    }
    assertEquals(await other.announce(["a", "b"]), 0);
    assertEquals(await other.claim("w", 2), []);
    await place.advance(62_000);
    assertEquals(sorted(await other.claim("w", 2)), ["a"]);
  });

  test("planners that announce the same hosts together add each once", async (place) => {
    await using one = await place.open();
    await using other = await place.open();
    const hosts = Array.from({ length: 300 }, (_, index) => `${index}.example.org`);
    const added = await Promise.all(
      [hosts, hosts.toReversed(), hosts].map((list, index) =>
        (index === 1 ? other : one).announce(list)
      ),
    );
    assertEquals(added.reduce((sum, count) => sum + count, 0), 300);
    assertEquals((await one.claim("w", 500)).length, 300);
  });
}
