import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { isPrivateAddress } from "../../lib/http/address.ts";
import { createAdmit, createLookup, describePrivate, hostKind } from "../../lib/http/egress.ts";

/** Ranges outside the public internet: first and last address, or some inside. */
const PRIVATE: readonly (readonly [range: string, addresses: readonly string[]])[] = [
  ["0.0.0.0/8", ["0.0.0.0", "0.255.255.255"]],
  ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255"]],
  ["100.64.0.0/10", ["100.64.0.0", "100.127.255.255"]],
  ["127.0.0.0/8", ["127.0.0.1", "127.255.255.254"]],
  ["169.254.0.0/16", ["169.254.169.254"]],
  ["172.16.0.0/12", ["172.16.0.1", "172.31.255.255"]],
  ["192.0.0.0/24", ["192.0.0.1", "192.0.0.170"]],
  ["192.0.2.0/24 and other documentation", ["192.0.2.1", "198.51.100.1", "203.0.113.1"]],
  ["192.88.99.0/24", ["192.88.99.1"]],
  ["192.168.0.0/16", ["192.168.1.1"]],
  ["198.18.0.0/15", ["198.18.0.0", "198.19.255.255"]],
  ["224.0.0.0/4", ["224.0.0.1", "239.255.255.255"]],
  ["240.0.0.0/4", ["240.0.0.1", "255.255.255.255"]],
  ["::/96, IPv4-compatible", ["::", "::1", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8"]],
  ["::ffff:0:0/96, of a private one", ["::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1"]],
  ["::ffff:0:0:0/96, translated", ["::ffff:0:10.0.0.1", "::ffff:0:8.8.8.8"]],
  ["64:ff9b::/96, of a private one", ["64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254"]],
  ["64:ff9b:1::/48", ["64:ff9b:1::10.0.0.1", "64:ff9b:1::8.8.8.8"]],
  ["100::/64 and behind", ["100::1", "100:0:0:1::1"]],
  ["2001::/32, Teredo", ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"]],
  ["2001:2::/48", ["2001:2::1"]],
  ["2001:10::/28 and 2001:20::/28, ORCHID", ["2001:10::1", "2001:20::1"]],
  ["2001:db8::/32 and 3fff::/20, documentation", ["2001:db8::1", "3fff::1"]],
  ["2002::/16, of a private one", ["2002:0a00:0001::", "2002:7f00:1::1", "2002:c612::1"]],
  ["5f00::/16", ["5f00::1"]],
  ["fc00::/7", ["fc00::1", "fd00:ec2::254"]],
  ["fe80::/10", ["fe80::1", "fe80::1%eth0", "febf::1"]],
  ["fec0::/10", ["fec0::1", "feff::1"]],
  ["ff00::/8", ["ff02::1", "ff0e::1"]],
  ["unassigned", ["1::1", "4000::1", "e000::1"]],
  ["no address", ["", "localhost", "10.0.0", "::g"]],
];

const PUBLIC: readonly string[] = [
  "1.1.1.1",
  "8.8.8.8",
  "93.184.216.34",
  "100.63.255.255",
  "100.128.0.0",
  "172.32.0.1",
  "192.0.1.1",
  "198.17.255.255",
  "198.20.0.0",
  "223.255.255.255",
  "2606:4700::1111",
  "2a00:1450:4001:81b::200e",
  "::ffff:8.8.8.8",
  "64:ff9b::8.8.8.8",
  "2002:808:808::1",
];

Deno.test("row 137: isPrivateAddress: every range outside the public internet", () => {
  for (const [range, addresses] of PRIVATE) {
    for (const address of addresses) {
      assertEquals(isPrivateAddress(address), true, `${range}: ${address}`);
    }
  }
  for (const address of PUBLIC) assertEquals(isPrivateAddress(address), false, address);
});

Deno.test("hostKind classifies a host name without resolving it", () => {
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
    ["http://[::127.0.0.1]/", "private"],
    ["http://[::ffff:7f00:1]/", "private"],
    ["http://[2002:7f00:1::]/", "private"],
  ];
  for (const [url, kind] of table) assertEquals(hostKind(new URL(url).hostname), kind, url);
});

const ADDRESSES: Record<string, readonly string[]> = {
  "public.example": ["93.184.216.34"],
  "inside.example": ["10.0.0.7"],
  "both.example": ["93.184.216.34", "127.0.0.1"],
};

function resolve(hostname: string): Promise<readonly string[]> {
  const addresses = ADDRESSES[hostname];
  return addresses ? Promise.resolve(addresses) : Promise.reject(new Error("no resolver here"));
}

Deno.test("createAdmit, createLookup: a public host may not redirect or resolve to a private address", async () => {
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
    ["without a resolver, fetch decides", null, "https://unknown.example/", true],
  ];
  for (const [name, previous, url, admitted] of table) {
    const to = new URL(url);
    const request = async () => {
      const publicOnly = createAdmit()(to, previous === null ? null : new URL(previous));
      if (publicOnly) await createLookup(resolve)(to.hostname);
    };
    if (admitted) await request();
    else {
      const error = await assertRejects(request, CronfetchError, undefined, name);
      assertEquals(error.code, "redirect.private");
    }
  }
});

Deno.test("createLookup resolves a name once", async () => {
  let lookups = 0;
  const lookup = createLookup(() => {
    lookups++;
    return Promise.resolve(["93.184.216.34"]);
  });
  await Promise.all(Array.from({ length: 10 }, () => lookup("a.example")));
  assertEquals(lookups, 1);
});

Deno.test("createLookup does not resolve an address", async () => {
  const lookup = createLookup(() => Promise.reject(new Error("looked up")));
  await lookup("93.184.216.34");
  await lookup("[2606:4700::1111]");
});

Deno.test("row 135: createLookup: a failed look-up is net.dns, and is repeated for the next request", async () => {
  const failures = [
    new Deno.errors.NotFound("no address"),
    Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }),
    Object.assign(new Error("getaddrinfo"), { code: "EAI_AGAIN" }),
  ];
  for (const failure of failures) {
    const answers = [() => Promise.reject(failure), () => Promise.resolve(["10.0.0.1"])];
    const lookup = createLookup(() => (answers.shift() ?? (() => Promise.resolve([])))());
    const codes: string[] = [];
    for (let time = 0; time < 2; time++) {
      const error = await assertRejects(() => lookup("a.example"), CronfetchError);
      codes.push(`${error.code} ${error.retry}`);
    }
    assertEquals(codes, ["net.dns later", "redirect.private never"]);
  }
});

Deno.test("createLookup: a look-up that Deno denies is net.failed, since the rule cannot be applied", async () => {
  for (
    const denial of [
      new Deno.errors.NotCapable("net"),
      Object.assign(new Error("lookup"), { code: "EPERM" }),
    ]
  ) {
    const lookup = createLookup(() => Promise.reject(denial));
    const error = await assertRejects(() => lookup("a.example"), CronfetchError);
    assertEquals([error.code, error.retry], ["net.failed", "never"]);
  }
});

Deno.test("row 136: describePrivate names VPN and proxy clients as the likely reason", () => {
  for (const address of ["198.18.0.1", "198.19.255.255", "::ffff:198.18.0.7"]) {
    assertEquals(describePrivate("a.example", address).includes("VPN"), true, address);
  }
  for (const address of ["10.0.0.1", "198.17.0.1", "fd00::1"]) {
    assertEquals(describePrivate("a.example", address).includes("VPN"), false, address);
  }
});
