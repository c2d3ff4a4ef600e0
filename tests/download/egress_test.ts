import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { createAdmission, hostKind, isPrivateAddress } from "../../lib/download/egress.ts";

Deno.test("isPrivateAddress: the ranges", () => {
  const table: [address: string, isPrivate: boolean][] = [
    ["93.184.216.34", false],
    ["8.8.8.8", false],
    ["2606:4700::1111", false],
    ["10.0.0.1", true],
    ["172.16.0.1", true],
    ["172.32.0.1", false],
    ["192.168.1.1", true],
    ["127.0.0.1", true],
    ["127.255.255.254", true],
    ["0.0.0.0", true],
    ["169.254.169.254", true],
    ["100.64.0.1", true],
    ["224.0.0.1", true],
    ["255.255.255.255", true],
    ["192.0.2.1", true],
    ["::1", true],
    ["::", true],
    ["fe80::1", true],
    ["fc00::1", true],
    ["fd00:ec2::254", true],
    ["::ffff:10.0.0.1", true],
    ["::ffff:8.8.8.8", false],
    // NAT64: the IPv4 address inside is the one meant.
    ["64:ff9b::8.8.8.8", false],
    ["64:ff9b::10.0.0.1", true],
    ["2002:0a00:0001::", true],
  ];
  for (const [address, isPrivate] of table) {
    assertEquals(isPrivateAddress(address), isPrivate, address);
  }
});

Deno.test("hostKind: what a host name says by itself", () => {
  const table: [url: string, kind: string][] = [
    ["https://example.org/", "name"],
    ["https://93.184.216.34/", "public"],
    ["http://[2606:4700::1111]/", "public"],
    ["http://localhost/", "private"],
    ["http://LOCALHOST./", "private"],
    ["http://printer/", "private"],
    ["http://nas.local/", "private"],
    ["http://metadata.google.internal/", "private"],
    ["http://router.home.arpa/", "private"],
    ["http://notlocal.example/", "name"],
    ["http://[::1]/", "private"],
    ["http://127.1/", "private"],
    ["http://0x7f000001/", "private"],
    ["http://2130706433/", "private"],
    ["http://0/", "private"],
  ];
  for (const [url, kind] of table) assertEquals(hostKind(new URL(url).hostname), kind, url);
});

const ADDRESSES: Record<string, readonly string[]> = {
  "public.example": ["93.184.216.34"],
  "inside.example": ["10.0.0.7"],
  "both.example": ["93.184.216.34", "127.0.0.1"],
};

Deno.test("the egress rule: who may lead where", async () => {
  const table: [name: string, previous: string | null, url: string, admitted: boolean][] = [
    ["a public name", null, "https://public.example/", true],
    ["a private address of the config's own", null, "http://127.0.0.1/", true],
    ["a private name of the config's own", null, "http://localhost/", true],
    ["a public name that is private", null, "https://inside.example/", false],
    ["row 8: a name with public and private addresses", null, "https://both.example/", false],
    ["row 42: public to a private address", "https://public.example/", "http://10.0.0.1/", false],
    [
      "row 42: public to the metadata service",
      "https://93.184.216.34/",
      "http://169.254.169.254/latest",
      false,
    ],
    ["row 42: public to localhost", "https://public.example/", "http://localhost:8080/", false],
    [
      "row 42: public to a name inside",
      "https://public.example/",
      "https://inside.example/",
      false,
    ],
    ["public to public", "https://public.example/", "https://93.184.216.34/", true],
    ["private to private", "http://127.0.0.1/", "http://127.0.0.1:8080/", true],
    ["private to public", "http://localhost/", "https://public.example/", true],
    ["a name nobody knows is left to fetch", null, "https://unknown.example/", true],
  ];
  for (const [name, previous, url, admitted] of table) {
    const admit = createAdmission((hostname) =>
      hostname in ADDRESSES
        ? Promise.resolve(ADDRESSES[hostname] ?? [])
        : Promise.reject(new Error("unknown host"))
    );
    const asked = admit(new URL(url), previous === null ? null : new URL(previous));
    if (admitted) await asked;
    else {
      const error = await assertRejects(async () => await asked, CronfetchError, undefined, name);
      assertEquals(error.code, "redirect.private");
    }
  }
});

Deno.test("a name is resolved once, however often it is asked for", async () => {
  let lookups = 0;
  const admit = createAdmission(() => {
    lookups++;
    return Promise.resolve(["93.184.216.34"]);
  });
  await Promise.all(Array.from({ length: 10 }, () => admit(new URL("https://a.example/x"), null)));
  assertEquals(lookups, 1);
});

Deno.test("a look-up that Deno forbids is told, for without it the rule would be off", async () => {
  for (
    const denial of [
      new Deno.errors.NotCapable("net"),
      Object.assign(new Error("lookup"), { code: "EPERM" }),
    ]
  ) {
    const admit = createAdmission(() => Promise.reject(denial));
    const error = await assertRejects(
      async () => await admit(new URL("https://a.example/"), null),
      CronfetchError,
    );
    assertEquals([error.code, error.retry], ["net.failed", "never"]);
  }
});
