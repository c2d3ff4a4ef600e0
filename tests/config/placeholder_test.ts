import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { tasksOf } from "../../lib/config/config.ts";
import { maskAround, placeholderOf, showPlaceholders } from "../../lib/config/variables.ts";
import { createUrlRedactor, redactUrl } from "../../lib/config/secrets.ts";
import { AT, loadInput } from "./loading.ts";

/** URLs with secrets, and how they are shown while none of them is set, and while all are `v1234`. */
const URLS: readonly (readonly [url: string, unset: string, set: string])[] = [
  ["https://x.example/${env:A}/a.csv", "https://x.example/${env:A}/a.csv", "/***/a.csv"],
  ["https://x.example/a.csv?token=${env:A}", "https://x.example/a.csv?token=${env:A}", "token=***"],
  [
    "https://x.example/a.csv?token=literal${env:A}",
    "https://x.example/a.csv?token=***${env:A}",
    "token=***",
  ],
  ["https://x.example/a.csv?q=${env:A}${env:B_2}", "/a.csv?q=${env:A}${env:B_2}", "?q=***"],
  ["${env:BASE}/a.csv", "${env:BASE}/a.csv", ""],
  ["${env:BASE}/a.csv?year={date:YYYY}", "${env:BASE}/a.csv?year=2026", ""],
  ["https://${env:HOST}/a.csv", "https://${env:HOST}/a.csv", "https://***/a.csv"],
  [
    "https://data.${env:H}.example/a.csv",
    "https://data.${env:H}.example/a.csv",
    "data.***.example",
  ],
  ["https://user:${env:PW}@x.example/a.csv", "https://***:${env:PW}@x.example/a.csv", "//***@"],
  ["https://${env:U}:${env:PW}@x.example/a", "https://${env:U}:${env:PW}@x.example/a", "//***@"],
  ["http://x.example:${env:PORT}/a.csv", "http://x.example:/a.csv", ""],
];

Deno.test("loadConfig: with placeholders, a secret without a value is shown as written", async () => {
  const overrides = { state: "memory:" };
  for (const [url, unset, set] of URLS) {
    const config = { tasks: [{ id: "t", url, to: "t.csv", headers: { "x-key": "k ${env:H}" } }] };
    const loaded = await loadInput(config, { overrides, unsetSecrets: "placeholder" });
    const show = createUrlRedactor(loaded.secrets);
    const [task] = tasksOf(loaded, AT);
    const shown = show(task?.url ?? "");
    assertEquals(shown.endsWith(unset), true, shown);
    const names = [...`${url} \${env:H}`.matchAll(/env:(\w+)/g)].map(([, name]) => name);
    assertEquals(loaded.unsetSecrets.toSorted(), [...new Set(names)].toSorted());
    if (set === "") continue;
    const env = Object.fromEntries(names.map((name) => [name, "v1234"]));
    const full = await loadInput(config, { overrides, unsetSecrets: "placeholder", env });
    const [secret] = tasksOf(full, AT);
    const redacted = createUrlRedactor(full.secrets)(secret?.url ?? "");
    assertEquals([redacted.includes(set), redacted.includes("v1234")], [true, false], redacted);
    assertEquals(full.unsetSecrets, []);
  }
});

Deno.test("loadConfig: with placeholders, proxies, webhooks and checksum files are valid", async () => {
  const config = {
    hosts: { "x.example": { proxy: "${env:PROXY}" } },
    alerts: [{ webhook: "${env:HOOK}", headers: { authorization: "Bearer ${env:T}" } }],
    tasks: [{ url: "https://x.example/a", expect: { sha256: { url: "${env:SUMS}/SHA256SUMS" } } }],
  };
  const loaded = await loadInput(config, {
    overrides: { state: "memory:" },
    unsetSecrets: "placeholder",
  });
  assertEquals(loaded.unsetSecrets.toSorted(), ["HOOK", "PROXY", "SUMS", "T"]);
  // Nothing is redacted that is not secret; a path of one character is too short for it.
  assertEquals(loaded.secrets, ["/"]);
});

Deno.test("loadConfig: with placeholders, files of certificates and keys need not exist", async () => {
  const files = { caFile: "ca.pem", certFile: "client.pem", keyFile: "client.key" };
  const config = { hosts: { "x.example": { ...files, perHost: 2 } }, tasks: [] };
  const overrides = { state: "memory:" };
  const loaded = await loadInput(config, { overrides, unsetSecrets: "placeholder" });
  assertEquals(loaded.hosts.map(({ settings }) => settings), [{ perHost: 2 }]);
  await assertRejects(() => loadInput(config, { overrides }), Error, "keyFile");
});

Deno.test("loadConfig: with placeholders, a name that depends on a secret is still refused", async () => {
  const config = { tasks: ["https://x.example/${env:NAME}"] };
  await assertRejects(
    () => loadInput(config, { overrides: { state: "memory:" }, unsetSecrets: "placeholder" }),
    Error,
    "would put a secret into the name of the file",
  );
});

Deno.test("loadConfig: with placeholders, the state is still required", async () => {
  const config = { state: "file:${env:STATE_FILE}", tasks: [] };
  await assertRejects(
    () => loadInput(config, { unsetSecrets: "placeholder" }),
    Error,
    "STATE_FILE",
  );
});

Deno.test("showPlaceholders: restores every name, and no other text", () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,40}$/);
  const before = fc.constantFrom("", "https://x.example/", "https://u:", "Bearer ");
  fc.assert(fc.property(name, before, (name, before) => {
    const placeholder = placeholderOf(name, before, "@x.example");
    assertEquals(showPlaceholders(`a ${placeholder}b`), `a \${env:${name}}b`);
    assertEquals(showPlaceholders(placeholder.toLowerCase()), `\${env:${name}}`);
  }));
  for (const text of ["unset-secret-", "unset-secret-6-", "unset-url-61-", "https://unset-url-"]) {
    assertEquals(redactUrl(text).replace("${env:}", text), text);
  }
});

Deno.test("maskAround: masks everything but placeholders", () => {
  const [a, b] = [placeholderOf("A", "x", ""), placeholderOf("B", "", "")];
  const table: [text: string, shown: string][] = [
    ["secret", "***"],
    ["", "***"],
    [a, "${env:A}"],
    [`x${a}y${b}`, "***${env:A}***${env:B}"],
    [a + a, "${env:A}${env:A}"],
  ];
  for (const [text, shown] of table) {
    assertEquals(showPlaceholders(maskAround(text, "***")), shown);
  }
});
