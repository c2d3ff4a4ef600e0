import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Config } from "../../lib/config/config.ts";
import { parseHostPattern } from "../../lib/config/hosts.ts";
import type { ConfigInput } from "../../lib/config/input.ts";
import { createRedactor } from "../../lib/config/secrets.ts";
import { serverSettings } from "../../lib/core/host_rules.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import {
  complaintText,
  load,
  loadInput,
  type LoadOptions,
  loadText,
  makeFiles,
  problemLinesOf,
} from "./loading.ts";

const TLS = fromFileUrl(new URL("../fixtures/tls", import.meta.url));
const pem = (name: string) => Deno.readTextFileSync(`${TLS}/${name}`);

type HostsInput = NonNullable<ConfigInput["hosts"]>;

const problemsOf = (hosts: unknown, given: LoadOptions = {}) =>
  problemLinesOf(loadText(JSON.stringify({ hosts }), given));

const NAMES:
  readonly (readonly [text: string, name: string, isWildcard: boolean, port: number | null])[] = [
    ["example.org", "example.org", false, null],
    ["Example.ORG.", "example.org", false, null],
    ["example.org:8443", "example.org", false, 8443],
    ["example.org:80", "example.org", false, 80],
    ["*.example.org", "example.org", true, null],
    ["*.example.org:443", "example.org", true, 443],
    ["bücher.example", "xn--bcher-kva.example", false, null],
    ["localhost", "localhost", false, null],
    ["my_host", "my_host", false, null],
    ["127.0.0.1:8080", "127.0.0.1", false, 8080],
    ["127.1", "127.0.0.1", false, null],
    ["[::1]", "[::1]", false, null],
    ["[0:0::1]:8443", "[::1]", false, 8443],
  ];

Deno.test("parseHostPattern: names, ports, addresses and wildcards", () => {
  for (const [text, name, isWildcard, port] of NAMES) {
    assertEquals(parseHostPattern(text).value, { name, isWildcard, port }, text);
  }
});

const NOT_NAMES: readonly (readonly [text: string, guess: string | null])[] = [
  ["", null],
  ["*", null],
  ["*.", null],
  ["a.*.org", null],
  ["**.example.org", null],
  ["*.*.org", null],
  ["*example.org", "*.example.org"],
  [".example.org", "*.example.org"],
  ["https://example.org", "example.org"],
  ["https://example.org:8443/x", "example.org:8443"],
  ["example.org/x", "example.org"],
  ["::1", "[::1]"],
  ["user@example.org", null],
  ["example.org:0", null],
  ["example.org:65536", null],
  ["example.org:http", null],
  ["exam ple.org", null],
  ["example.org\n", null],
  ["a%2eb", null],
  ["[::1", null],
  ["[]", null],
];

Deno.test("parseHostPattern: other text is a problem, with a suggestion where one is likely", () => {
  for (const [text, guess] of NOT_NAMES) {
    const problem = complaintText(parseHostPattern(text).problem);
    assertMatch(problem, /^must be a host such as/, text);
    assertEquals(/did you mean "(.*)"/.exec(problem)?.[1] ?? null, guess, text);
  }
  for (const text of ["*.127.0.0.1", "*.[::1]", "*.1.2"]) {
    assertMatch(
      complaintText(parseHostPattern(text).problem),
      /addresses have no subdomains/,
      text,
    );
  }
});

Deno.test("hosts: limits and proxies, with secrets", async () => {
  const hosts: HostsInput = {
    "*.example.org": { perHost: 2, spacing: "1s" },
    "a.example.org": { proxy: "direct" },
    "b.example.org:8443": { proxy: "http://me:${env:PASSWORD}@proxy.test:3128/", perHost: 1 },
    "c.example.org": { proxy: "socks5h://localhost:1080" },
  };
  const config = await loadInput({ hosts }, { env: { PASSWORD: "p/w@ x" } });
  const at = (url: string) => serverSettings(config.hosts, url);
  assertEquals(at("https://a.example.org"), {
    ...{ perHost: 2, spacingMs: 1_000 },
    ...{ proxy: "direct", caCerts: [], identity: null },
  });
  const proxy = "http://me:p%2Fw%40%20x@proxy.test:3128/";
  assertEquals(at("https://b.example.org:8443").proxy, proxy);
  assertEquals(at("https://b.example.org:8443").perHost, 1);
  assertEquals(at("https://c.example.org").proxy, "socks5h://localhost:1080");
  assertEquals(config.hostFiles, []);
  const redact = createRedactor(config.secrets);
  const basic = btoa("me:p/w@ x");
  for (const secret of ["p/w@ x", "p%2Fw%40%20x", basic]) {
    assertEquals(redact(`via ${secret}!`), "via ***!", secret);
  }
});

Deno.test("hosts: problems with their places", async () => {
  const text = `{
  "hosts": {
    "Example.org": { "perhost": 2 },
    "example.org": { "perHost": 0, "spacing": "1" },
    "a.test": { "proxy": "proxy.test:3128" },
    "b.test": { "proxy": "ftp://proxy.test" },
    "c.test": { "proxy": "http://proxy.test/pac" },
    "d.test": { "proxy": "Direct" },
    "e.test": { "proxy": "socks5:///x" },
    "f.test": { "proxy": "http://u:\${env:NONE}@proxy.test" },
    "https://g.test/": {},
    "h.test": 7,
  },
  "proxy": "http://proxy.test",
}`;
  const allowed = 'must be "direct", or a URL such as "http://proxy.example.org:3128" with http, ' +
    "https, socks5 or socks5h";
  assertEquals(await problemLinesOf(loadText(text)), [
    '3:22: hosts["Example.org"].perhost is not an option; did you mean "perHost"?',
    '4:20: hosts["example.org"] is the same host as "Example.org"',
    '4:33: hosts["example.org"].perHost must be a whole number from 1 to 1000',
    '4:47: hosts["example.org"].spacing must be a duration such as 30s, 5m or 1h30m, from 0s to 365d; did you mean "1s"?',
    `5:26: hosts["a.test"].proxy ${allowed}; did you mean "http://proxy.test:3128"?`,
    `6:26: hosts["b.test"].proxy ${allowed}`,
    '7:26: hosts["c.test"].proxy must be a URL without a path',
    `8:26: hosts["d.test"].proxy ${allowed}; did you mean "direct"?`,
    `9:26: hosts["e.test"].proxy ${allowed}`,
    '10:26: hosts["f.test"].proxy needs the environment variable NONE, which is not set; set it, ' +
    "for example: export NONE=…",
    '11:24: hosts["https://g.test/"] must be a host such as "example.org", "example.org:8443" or ' +
    '"*.example.org"; did you mean "g.test"?',
    '12:15: hosts["h.test"] must be an object of options for a host',
    '14:3: proxy is not an option; did you mean "hosts.*.proxy"?',
  ]);
});

Deno.test("row 142: hosts: __proto__ is no host", async () => {
  const text = '{"hosts": {"__proto__": {"perHost": 2}}, "tasks": []}';
  const [problem = "", ...others] = await problemLinesOf(loadText(text));
  assertMatch(problem, /^1:25: hosts\.__proto__ must be a host such as/);
  assertEquals(others, []);
});

Deno.test("hosts: a password of an invalid proxy is not shown", async () => {
  const proxy = "http://me:${env:PASSWORD}@proxy.test:99999";
  const [problem = ""] = await problemsOf({ "a.test": { proxy } }, {
    env: { PASSWORD: "hunter2" },
  });
  assertMatch(problem, /^1:\d+: hosts\["a.test"\].proxy must be "direct"/);
  assert(!problem.includes("hunter2"), problem);
});

Deno.test("hosts: certificates and keys are read, relative to the config", async () => {
  await using folder = await temporaryFolder();
  const both = pem("good.key") + "a comment\n" + pem("good.crt");
  await makeFiles(folder, {
    "conf/tls/ca.pem": `# two\n${pem("authority.crt")}\n${pem("good.crt")}`,
    "conf/both.pem": both.replaceAll("\n", "\r\n"),
    "conf/cronfetch.json": JSON.stringify({
      hosts: {
        "*.test": { caFile: "tls/ca.pem", certFile: "both.pem", keyFile: "both.pem" },
        "open.test": { caFile: null, certFile: null, keyFile: null },
      },
    }),
  });
  const config = await load({ cwd: folder.path, files: ["conf/cronfetch.json"] });
  assertEquals(config.hostFiles, [folder.file("conf/tls/ca.pem"), folder.file("conf/both.pem")]);
  const { caCerts, identity } = serverSettings(config.hosts, "https://a.test");
  assertEquals(caCerts.length, 1);
  assertEquals(caCerts[0]?.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assertMatch(identity?.cert ?? "", /^-----BEGIN CERTIFICATE-----\n[^#]*$/);
  assertMatch(identity?.key ?? "", /^-----BEGIN PRIVATE KEY-----\n/);
  const open = serverSettings(config.hosts, "https://open.test");
  assertEquals([open.caCerts, open.identity], [[], null]);
});

Deno.test("row 171: a file of hosts that is missing or no PEM is refused, with the line", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, {
    "empty.pem": "",
    "broken.pem": pem("good.crt").replace(/\n.*\n-----END/, "\n-----END"),
    "encrypted.pem":
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
    "broken.key": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
    "large.pem": "#".repeat(5_000_000),
  });
  await Deno.mkdir(folder.file("folder"));
  const table: readonly (readonly [options: HostsInput[string], problem: string])[] = [
    [{ caFile: "none.pem" }, '.caFile names "none.pem", which does not exist'],
    [{ caFile: "folder" }, '.caFile names "folder", which is not a file'],
    [
      { caFile: "empty.pem" },
      '.caFile names "empty.pem", which has no certificate in PEM ("-----BEGIN CERTIFICATE-----")',
    ],
    [{ caFile: "large.pem" }, '.caFile names "large.pem", which is larger than 4 MiB'],
    [
      { caFile: `${TLS}/good.key` },
      ` which has a private key, but no certificate`,
    ],
    [{ caFile: "broken.pem" }, '.caFile names "broken.pem", which has an invalid certificate: '],
    [{ certFile: `${TLS}/good.crt` }, ".certFile needs keyFile beside it"],
    [{ keyFile: `${TLS}/good.key` }, ".keyFile needs certFile beside it"],
    [
      { certFile: `${TLS}/good.crt`, keyFile: `${TLS}/expired.key` },
      ".keyFile is not the key of the certificate in certFile",
    ],
    [
      { certFile: `${TLS}/good.crt`, keyFile: `${TLS}/good.crt` },
      ' which has no private key in PEM ("-----BEGIN PRIVATE KEY-----")',
    ],
    [
      { certFile: `${TLS}/good.crt`, keyFile: "encrypted.pem" },
      '.keyFile names "encrypted.pem", which is encrypted; decrypt it with openssl pkey',
    ],
    [
      { certFile: `${TLS}/good.crt`, keyFile: "broken.key" },
      '.keyFile names "broken.key", which has an invalid private key',
    ],
  ];
  for (const [options, problem] of table) {
    const lines = await problemsOf({ "a.test": options }, { cwd: folder.path });
    assertEquals(lines.length, 1, problem);
    assertMatch(lines[0] ?? "", /^1:\d+: hosts\["a\.test"\]/);
    assert(lines[0]?.includes(problem), lines[0]);
  }
});

Deno.test("hosts: each file is read once, and reported before", async () => {
  const read: string[] = [];
  const options = { caFile: `${TLS}/authority.crt` };
  await loadInput({ hosts: { "a.test": options, "b.test": options } }, {
    beforeRead: (path) => {
      read.push(path);
      return Promise.resolve();
    },
  });
  assertEquals(read, [`${TLS}/authority.crt`]);
});

Deno.test("hosts: of several files, the last one that sets an option of a host decides it", async () => {
  await using folder = await temporaryFolder();
  const write = (hosts: HostsInput) => JSON.stringify({ hosts });
  await makeFiles(folder, {
    "a/one.json": write({ "x.test": { perHost: 1, spacing: "1s" }, "y.test": { perHost: 3 } }),
    "b/two.json": write({ "X.test": { perHost: 2 } }),
  });
  const config: Config = await load({ cwd: folder.path, files: ["a/one.json", "b/two.json"] });
  const limitsAt = (url: string) => {
    const { perHost, spacingMs } = serverSettings(config.hosts, url);
    return [perHost, spacingMs];
  };
  assertEquals(limitsAt("http://x.test"), [2, 1_000]);
  assertEquals(limitsAt("http://y.test"), [3, undefined]);
});
