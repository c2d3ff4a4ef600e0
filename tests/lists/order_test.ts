import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ListOrder } from "../../lib/core/list.ts";
import { compareNatural, itemOrder } from "../../lib/lists/order.ts";
import { listItem } from "./documents.ts";

const ORDERS: readonly (readonly [by: ListOrder, what: string, ...names: readonly string[]])[] = [
  ["name", "numbers", "a1.csv", "a2.csv", "a10.csv", "b.csv"],
  ["name", "dates", "rates-2025-12-31.csv", "rates-2026-01-02.csv", "rates-2026-01-15.csv"],
  ["name", "zeros in front", "a01", "a1", "a02", "a2", "a010"],
  ["name", "numbers of any length", `a9${"0".repeat(40)}`, `a9${"0".repeat(40)}1`],
  ["name", "digits before letters, capitals before others", "", "1", "A", "Z", "a", "é"],
  ["version", "numbers", "t-1.2.zip", "t-1.9.1.zip", "t-1.10.zip", "t-2.zip", "t-10.0.zip"],
  ["version", "a missing number is 0", "t-1.2.zip", "t-1.2.0.1.zip", "t-1.3.zip"],
  [
    "version",
    "prereleases",
    ...["t-1.0-alpha.1.zip", "t-1.0-alpha.2.zip", "t-1.0-beta.zip", "t-1.0rc1.zip", "t-1.0rc2.zip"],
    ...["t-1.0rc10.zip", "t-1.0.zip", "t-1.1-SNAPSHOT.jar", "t-1.1.jar"],
  ],
  ["version", "Python's prereleases", "t-1.0a1.whl", "t-1.0b2.whl", "t-1.0.whl"],
  ["version", "letters that are no prerelease", "t-1.0.1.zip", "t-1.0.2-linux.zip", "t-1.0.3b.zip"],
  ["version", "builds", "jdk-17.0.2+8.zip", "jdk-17.0.2+10.zip"],
  [
    "version",
    "other numbers in the name",
    "win32-t-1.2.zip",
    "x86_64-t-1.3.zip",
    "linux2.6-t-1.10.2.zip",
  ],
  ["version", "extensions with digits", "t-1.2.7z", "t-1.2.1.7z"],
  ["version", "single numbers, with v", "win32-v9.zip", "win32-v11-rc1.zip", "win32-v11.zip"],
  ["version", "no version is the oldest", "README", "t-0.1.zip"],
];

for (const [by, what, ...names] of ORDERS) {
  Deno.test(`itemOrder: by ${by}: ${what}`, () => {
    const items = names.map((name) => listItem({ url: "https://a.example/", name }));
    assertEquals(items.toReversed().toSorted(itemOrder(by)).map(({ name }) => name), names);
  });
}

Deno.test("itemOrder: by version: the field version takes precedence, by Semantic Versioning", () => {
  const versions = ["1.0.0-0", "1.0.0-9", "1.0.0-canary.2", "v1.0.0-next.10", "1.0.0+build", "1.2"];
  const items = versions.map((version, index) =>
    listItem({ url: `https://a.example/${9 - index}.9.zip`, fields: { version } })
  );
  assertEquals(items.toReversed().toSorted(itemOrder("version")), items);
});

Deno.test("itemOrder: by date: none is the oldest, equal ones by name and URL", () => {
  const items = [
    listItem({ url: "https://a.example/9" }),
    listItem({ url: "https://a.example/8", date: "2026-01-14T00:00:00Z" }),
    listItem({ url: "https://a.example/7", date: "2026-01-15T06:00:00Z" }),
    listItem({ url: "https://a.example/1", date: "2026-01-15T06:00:00.500Z" }),
    listItem({ url: "https://a.example/2", date: "2026-01-15T06:00:00.500Z" }),
    listItem({ url: "https://b.example/2", date: "2026-01-15T06:00:00.500Z" }),
  ];
  assertEquals(items.toReversed().toSorted(itemOrder("date")), items);
});

Deno.test("property: every order is total, whatever the names", () => {
  const unit = fc.constantFrom(..."01289.-v_abrc");
  const name = fc.string({ unit, maxLength: 12 });
  fc.assert(
    fc.property(name, name, name, (a, b, c) => {
      const order = Math.sign(compareNatural(a, b));
      assertEquals(Math.sign(compareNatural(b, a)) + order, 0);
      assertEquals(order === 0, a === b);
      for (const by of ["name", "version"] as const) {
        const items = [a, b, c].map((name) => listItem({ url: "https://a.example/", name }));
        const sorted = items.toSorted(itemOrder(by));
        assertEquals(items.toReversed().toSorted(itemOrder(by)), sorted);
      }
    }),
    { numRuns: 1_000 },
  );
});
