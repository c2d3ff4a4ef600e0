import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import manifest from "../../deno.json" with { type: "json" };
import { permissionFlags, shellQuoted } from "../../lib/cli/doctor/permissions.ts";
import { main } from "../helpers/command_line.ts";
import { tasksOf } from "../../lib/config/config.ts";
import type { ConfigInput } from "../../lib/config/input.ts";
import { loadValue } from "../../lib/config/load.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { assertGolden, showCommand } from "../helpers/golden.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { CONFIG, MAIN } from "../helpers/program.ts";
import { record } from "../state/samples.ts";
import { rowsOf, workspace } from "./workspace.ts";

const ADDRESSES = {
  "x.example": ["93.184.215.1", "2606:4700::1"],
  "y.example": ["93.184.215.2"],
};

Deno.test("doctor: checks everything, and leaves no file", async () => {
  await using at = await workspace({
    store: "files/of/ours",
    state: "kv:state/deep/state.db",
    tasks: [
      { url: "https://x.example/a", mirrors: ["https://y.example/a"], schedule: "every 2h" },
      { url: "https://x.example/b", headers: { "x-token": "${env:TOKEN}" } },
      { url: "http://192.0.2.7:8080/c", schedule: "manual" },
    ],
  });
  const env = { TOKEN: "hush-hush" };
  const people = at.host({ env, addresses: ADDRESSES });
  assertEquals(await main(["doctor"], people), 0);
  assertEquals(people.stderr.text, "");
  for (
    const line of [
      "good  config    cronfetch.json: 3 tasks",
      "good  secrets   TOKEN: set",
      `good  store     ${
        at.folder.file("files/of/ours")
      } does not exist yet; the first run creates it`,
      `good  state     kv:${at.folder.file("state/deep/state.db")} does not exist yet; ` +
      "the first run creates it",
      "good  host      x.example is 93.184.215.1, 2606:4700::1",
      "good  host      y.example is 93.184.215.2",
      "good  host      192.0.2.7 needs no resolution",
      "good  schedule  every 2h: 1 task, 1 due now, next due in 2 h (2026-01-15 14:00 UTC)",
      "good  schedule  0 6 * * * (UTC): 1 task, 1 due now, next due in 18 h (2026-01-16 06:00 UTC)",
      "good  schedule  manual: 1 task, not due by a schedule",
      "  --allow-net=x.example,y.example,192.0.2.7:8080 \\",
      "  --allow-write=files/of/ours,state/deep \\",
    ]
  ) assertStringIncludes(people.stdout.text, `${line}\n`);
  assertMatch(people.stdout.text, /^ {2}\S+ run -c cronfetch\.json$/m);
  const entries = await Array.fromAsync(Deno.readDir(at.folder.path));
  assertEquals(entries.map(({ name }) => name), ["cronfetch.json"]);

  const programs = at.host({ env, addresses: ADDRESSES });
  assertEquals(await main(["doctor", "--json"], programs), 0);
  assertEquals(programs.stderr.text, "");
  const rows = rowsOf(programs.stdout.text);
  assertEquals(rows.map(({ check, verdict }) => `${check} ${verdict}`), [
    "config good",
    "secrets good",
    "store good",
    "state good",
    "host good",
    "host good",
    "host good",
    "schedule good",
    "schedule good",
    "schedule good",
    "permissions note",
  ]);
  assertEquals(
    (programs.stdout.text + people.stdout.text + people.stderr.text).includes("hush-hush"),
    false,
  );
});

Deno.test("doctor: names the secret files, and prints the permission to read them", async () => {
  const headers = { "x-key": "${file:keys/token}" };
  await using at = await workspace({ tasks: [{ url: "http://192.0.2.7/a", headers }] });
  await Deno.mkdir(at.folder.file("keys"));
  await Deno.writeTextFile(at.folder.file("keys/token"), "hush-hush\n");
  const host = at.host();
  assertEquals(await main(["doctor"], host), 0);
  assertMatch(host.stdout.text, /^good +secrets +keys\/token: readable$/m);
  assertMatch(host.stdout.text, /--allow-read=cronfetch\.json,keys\/token,/);
  assertEquals(host.stdout.text.includes("hush-hush"), false);
});

Deno.test("doctor: an existing store and state are not changed", async () => {
  await using at = await workspace({ tasks: ["http://192.0.2.7/a"] });
  await at.save([record("a", { lastRunAt: "2026-01-15T11:00:00Z" })]);
  await Deno.mkdir(at.folder.file("downloads"));
  await Deno.writeTextFile(at.folder.file("downloads/a"), "first\n");
  const before = await tree(at.folder.path);
  const host = at.host();
  assertEquals(await main(["doctor"], host), 0);
  assertMatch(host.stdout.text, /good +store +\S+downloads is readable and writable$/m);
  assertMatch(host.stdout.text, /good +state +\S+state\.json has records of 1 task$/m);
  assertMatch(host.stdout.text, /schedule .*: 1 task, next due in 18 h/);
  assertEquals(await tree(at.folder.path), before);
});

Deno.test("doctor: reports problems, and exits 3", async () => {
  const table: [name: string, config: object, said: RegExp][] = [
    ["store", { store: "taken/deep" }, /^wrong +store .*taken/m],
    ["state's folder", { state: "file:taken/state.json" }, /^wrong +state .*taken/m],
    ["state", { state: "file:taken" }, /^wrong +state .*taken/m],
    [
      "host",
      { tasks: ["https://nowhere.example/"] },
      /^wrong +host +nowhere\.example cannot be resolved: no address/m,
    ],
  ];
  for (const [name, config, said] of table) {
    await using at = await workspace({ tasks: [], ...config });
    await Deno.writeTextFile(at.folder.file("taken"), "no state\n");
    const before = await tree(at.folder.path);
    const host = at.host();
    assertEquals(await main(["doctor"], host), 3, name);
    assertMatch(host.stdout.text, said);
    assertEquals(await tree(at.folder.path), before);
  }
});

Deno.test("doctor: checks the commands of onChange, and lists the permissions of hooks", async () => {
  await using at = await workspace({
    onChange: [{ command: ["./load"] }, { command: ["missing"] }, {
      webhook: "https://127.0.0.2:444/x",
    }],
    tasks: ["https://127.0.0.1:1/a", "https://127.0.0.1:1/b"],
  });
  await Deno.writeTextFile(at.folder.file("load"), "#!/bin/sh\n", { mode: 0o755 });
  const host = at.host({ env: { PATH: "/no/such/folder" } });
  assertEquals(await main(["doctor"], host), 3);
  assertEquals(host.stdout.text.match(/^\w+ +onChange +(?:\S| (?! ))+/mg), [
    `good   onChange  the command is ${at.folder.file("load")}`,
    "wrong  onChange  the command missing does not exist, so its deliveries would fail",
  ]);
  assertStringIncludes(host.stdout.text, "--allow-run=./load,missing");
  assertStringIncludes(host.stdout.text, "127.0.0.2:444");
  assertMatch(host.stdout.text, /--allow-env=\S*,PATH,HOME,/);
});

Deno.test("doctor: commands of alerts, with and without permission, existing or not", async () => {
  await using at = await workspace({
    alerts: [{ command: ["mail-me", "--urgent"] }, { command: ["./mail-them"] }, {
      command: ["mail-me"],
    }, { command: ["letter"] }],
    tasks: [],
  });
  const env = { PATH: `/no/such/folder:${at.folder.path}` };
  await Deno.writeTextFile(at.folder.file("mail-me"), "#!/bin/sh\n", { mode: 0o755 });
  await Deno.writeTextFile(at.folder.file("letter"), "Dear all,\n", { mode: 0o644 });
  const host = at.host({ env });
  assertEquals(await main(["doctor"], host), 3);
  assertEquals(host.stdout.text.match(/^\w+ +alerts +(?:\S| (?! ))+/mg), [
    `good   alerts  the command is ${at.folder.file("mail-me")}`,
    "wrong  alerts  the command ./mail-them does not exist, so its alerts would fail",
    "wrong  alerts  the command letter does not exist, so its alerts would fail",
  ]);

  for (
    const [permission, code, said] of [
      ["--allow-run=elsewhere", 3, "  add --allow-run=./mail-me"],
      ["--allow-run", 0, "the command is "],
    ] as const
  ) {
    await Deno.writeTextFile(
      at.folder.file("cronfetch.json"),
      JSON.stringify({ alerts: [{ command: ["./mail-me"] }], tasks: [] }),
    );
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "-RWE", permission, MAIN, "doctor"],
      cwd: at.folder.path,
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(output.stdout);
    assertEquals(output.code, code, text);
    assertStringIncludes(text, said);
  }
});

Deno.test("deno.json: every task that runs cronfetch never prompts, and grants --allow-run", () => {
  for (const name of ["cronfetch", "start"] as const) {
    assertStringIncludes(manifest.tasks[name].command, " --no-prompt ");
  }
  assertEquals(manifest.permissions.default.run, true);
});

Deno.test("doctor: a DNS lookup that takes too long is a problem", async () => {
  await using at = await workspace({ tasks: ["https://x.example/a", "https://y.example/b"] });
  const host = at.host();
  const asked: number[] = [];
  const slow = {
    ...host,
    resolve: (name: string) =>
      name === "x.example" ? new Promise<never>(() => {}) : Promise.resolve(["93.184.215.2"]),
    timers: {
      ...host.timers,
      after: (durationMs: number, callback: () => void) => {
        asked.push(durationMs);
        const cancelled = new AbortController();
        // After all microtasks that are ready.
        const turn = setTimeout(() => !cancelled.signal.aborted && callback());
        return () => {
          clearTimeout(turn);
          cancelled.abort();
        };
      },
    },
  };
  assertEquals(await main(["doctor"], slow), 3);
  assertEquals(asked, [5000, 5000]);
  assertMatch(
    host.stdout.text,
    /^wrong +host +x\.example cannot be resolved: it took more than 5 seconds {2,}check the name, /m,
  );
  assertMatch(host.stdout.text, /^good +host +y\.example is 93\.184\.215\.2$/m);
});

Deno.test("doctor: a signal ends the DNS lookups", async () => {
  await using at = await workspace({ tasks: ["https://x.example/a"] });
  const host = at.host({ timers: "manual" });
  const waiting = {
    ...host,
    resolve: () => {
      host.raise("SIGTERM");
      return new Promise<never>(() => {});
    },
  };
  assertEquals(await main(["doctor"], waiting), 143);
});

Deno.test("doctor: a name behind a proxy is not resolved", async () => {
  await using at = await workspace({ tasks: ["https://x.example/a", "http://x.example/b"] });
  const host = at.host({
    addresses: ADDRESSES,
    env: { HTTPS_PROXY: "http://me:hush-hush@proxy.example" },
  });
  assertEquals(await main(["doctor"], host), 0);
  assertMatch(
    host.stdout.text,
    /^note +host +x\.example is requested through the proxy in HTTPS_PROXY/m,
  );
  assertMatch(host.stdout.text, /^good +host +x\.example is 93/m);
  assertEquals(host.stdout.text.includes("hush-hush"), false);
});

Deno.test("doctor: the proxy of a host takes precedence over the environment", async () => {
  await using at = await workspace({
    hosts: {
      "x.example:8443": { proxy: "http://me:hush-hush@proxy.example:3128" },
      "y.example": { proxy: "direct" },
    },
    tasks: ["https://x.example:8443/a", "https://x.example/b", "https://y.example/c"],
  });
  const addresses = { "y.example": ["93.184.215.1"] };
  const host = at.host({ addresses, env: { HTTPS_PROXY: "http://other.example" } });
  assertEquals(await main(["doctor"], host), 0);
  assertEquals(host.stdout.text.match(/^\w+ +host .*?(?=;|$)/gm), [
    'note  host      x.example is requested through the proxy in "hosts"',
    "note  host      x.example is requested through the proxy in HTTPS_PROXY",
    "good  host      y.example is 93.184.215.1",
  ]);
  assertMatch(host.stdout.text, /--allow-net=x\.example,y\.example,proxy\.example:3128/);
  assertEquals(host.stdout.text.includes("hush-hush"), false);
});

Deno.test("row 136: doctor: applies the egress policy like a run", async () => {
  const addresses = { "x.example": ["198.18.0.7"], "y.example": ["93.184.215.1", "10.0.0.1"] };
  const table: [
    what: string,
    task: string | { url: string; allowPrivate?: boolean; mirrors?: string[] },
    options: { flags?: string[]; env?: Record<string, string> },
    exitCode: number,
    text: RegExp,
  ][] = [
    [
      "a VPN's resolver",
      "https://x.example/a",
      {},
      3,
      /wrong +host +the public name x\.example .*VPN/,
    ],
    [
      "over http, too",
      "http://x.example/a",
      {},
      3,
      /wrong +host .* 198\.18\.0\.7, which VPN/,
    ],
    ["one of two addresses", "https://y.example/a", {}, 3, /wrong +host .* address 10\.0\.0\.1/],
    ["a mirror", { url: "http://192.0.2.7/a", mirrors: ["https://x.example/a"] }, {}, 3, /VPN/],
    ["a private host of the config", "http://10.0.0.1/a", {}, 0, /good +host +10\.0\.0\.1/],
    [
      "allowPrivate",
      { url: "https://x.example/a", allowPrivate: true },
      {},
      0,
      /x\.example is 198/,
    ],
    ["the flag", "https://x.example/a", { flags: ["--allow-private"] }, 0, /x\.example is 198/],
    [
      "the flag is in the command",
      "https://x.example/a",
      { flags: ["--allow-private"] },
      0,
      /run.* --allow-private/,
    ],
    [
      "the variable",
      "https://x.example/a",
      { env: { CRONFETCH_ALLOW_PRIVATE: "true" } },
      0,
      /x\.example is 198/,
    ],
    [
      "a proxy",
      "https://x.example/a",
      { env: { ALL_PROXY: "http://p" } },
      0,
      /note +host +x\.example/,
    ],
  ];
  for (const [what, task, { flags = [], env = {} }, exitCode, text] of table) {
    await using at = await workspace({ tasks: [task] });
    const host = at.host({ addresses, env });
    assertEquals(await main(["doctor", ...flags], host), exitCode, what);
    assertMatch(host.stdout.text, text, what);
  }
});

Deno.test("doctor: a secret in a host name is redacted, also in flags", async () => {
  await using at = await workspace({
    tasks: [{ id: "t", url: "https://${env:TENANT}.example/a" }],
  });
  const options = {
    addresses: { "hush-hush.example": ["93.184.215.1"] },
    env: { TENANT: "hush-hush" },
  };
  for (const args of [["doctor"], ["doctor", "--json"]]) {
    const host = at.host(options);
    assertEquals(await main(args, host), 0);
    const text = host.stdout.text + host.stderr.text;
    for (
      const said of [
        "***.example is 93.184.215.1",
        "--allow-net=***.example",
        "is a redacted secret",
      ]
    ) {
      assertStringIncludes(text, said);
    }
    assertEquals(text.includes("hush-hush"), false);
  }
});

Deno.test("doctor: notes that a TypeScript config may need further permissions", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(
    folder.file("cronfetch.ts"),
    'export default { state: "memory:", store: "memory:", tasks: [] };\n',
  );
  const host = testHost({ cwd: folder.path });
  assertEquals(await main(["doctor"], host), 0);
  assertStringIncludes(host.stdout.text, "Add the other modules that a TypeScript config imports");
  assertStringIncludes(host.stdout.text, "--allow-read=cronfetch.ts,");
});

Deno.test("doctor: an invalid config exits 2", async () => {
  const task = { url: "https://x.example/", ulr: 1 };
  await using at = await workspace({ tasks: [task, "https://x.example/${env:NO_TOKEN}"] });
  const people = at.host();
  assertEquals(await main(["doctor"], people), 2);
  assertMatch(people.stderr.text, /ulr/);
  const programs = at.host();
  assertEquals(await main(["doctor", "--json"], programs), 2);
  const [row, ...problems] = rowsOf(programs.stdout.text);
  assertEquals([row?.["check"], row?.["verdict"]], ["config", "wrong"]);
  assertEquals(problems.map(({ type }) => type), ["problem", "problem"]);
  assertMatch(String(row?.["message"]), /ulr/);
});

Deno.test("doctor: missing secrets are results, and the other checks continue", async () => {
  const tasks = [{ url: "https://127.0.0.1/a", headers: { "x-key": "${env:NO_TOKEN}" } }];
  await using at = await workspace({ tasks: [...tasks, "${env:NO_BASE}/b"] });
  const host = at.host();
  assertEquals(await main(["doctor", "--json"], host), 3, host.stderr.text);
  const rows = rowsOf(host.stdout.text);
  const secrets = rows.filter(({ check }) => check === "secrets");
  assertEquals(secrets.map(({ verdict, hint }) => [verdict, hint]), [
    ["wrong", "set it, for example: export NO_TOKEN=…"],
    ["wrong", "set it, for example: export NO_BASE=…"],
  ]);
  // The host of the variable is unknown.
  assertEquals(rows.filter(({ check }) => check === "host").length, 1);
  assertEquals(JSON.stringify(rows).includes("unset-"), false);
  assertEquals(rows.at(-1)?.["check"], "permissions");

  const config = await Deno.readTextFile(at.folder.file("cronfetch.json"));
  const piped = at.host({ stdin: config });
  assertEquals(await main(["doctor", "-c", "-"], piped), 2);
  assertMatch(piped.stderr.text, /NO_TOKEN/);
});

/** The flags of a config in `/home/me`. */
async function flagsOf(
  config: ConfigInput,
  files: readonly string[] = ["/home/me/cronfetch.json"],
) {
  const host = testHost({ cwd: "/home/me" });
  const at = host.clock.now();
  const loaded = { ...await loadValue(config, { at }, host), files };
  return permissionFlags({
    config: loaded,
    tasks: tasksOf(loaded, at),
    variables: ["TOKEN", "TERM"],
    access: null,
    database: null,
    programFolder: "/opt/cronfetch",
    host,
  });
}

Deno.test("permissionFlags: the minimum for the config", async () => {
  const table: [name: string, config: ConfigInput, files: string[] | undefined, flags: string[]][] =
    [
      ["nothing", { state: "memory:", store: "memory:", tasks: [] }, [], []],
      ["the default locations", { tasks: ["https://x.example/a"] }, undefined, [
        "--allow-net=x.example",
        "--allow-read=cronfetch.json,downloads,.cronfetch",
        "--allow-write=downloads,.cronfetch",
      ]],
      [
        "each host once, addresses with their ports",
        {
          state: "memory:",
          store: "memory:",
          tasks: [
            "https://x.example:8443/a",
            "https://x.example/b",
            "http://192.0.2.7/c",
            "https://192.0.2.7/d",
            "https://[2001:db8::1]:99/e",
            {
              url: "https://bücher.example/f",
              mirrors: ["https://mirror.example/f"],
              expect: {
                sha256: { url: "https://sums.example/SHA256SUMS", name: "f" },
                md5: { url: "https://md5.example/f.md5" },
              },
            },
          ],
        },
        [],
        [
          "--allow-net=x.example,192.0.2.7:80,192.0.2.7:443,[2001:db8::1]:99," +
          "xn--bcher-kva.example,mirror.example,sums.example,md5.example",
        ],
      ],
      [
        "paths inside of others are left out",
        { store: "data", state: "file:data/state/state.json", tasks: [] },
        ["/home/me/data/cronfetch.json", "/etc/more.yaml"],
        ["--allow-read=/etc/more.yaml,data", "--allow-write=data"],
      ],
      [
        "a TypeScript config, with the library that it imports",
        { store: "memory:", state: "memory:", tasks: [] },
        ["/home/me/cronfetch.ts"],
        ["--allow-read=cronfetch.ts,/opt/cronfetch"],
      ],
      ["all of the folder", { store: ".", state: "memory:", tasks: [] }, undefined, [
        "--allow-read=.",
        "--allow-write=.",
      ]],
      [
        "a state elsewhere",
        { store: "memory:", state: "kv:", tasks: [] },
        [],
        [],
      ],
      [
        "certificates, and the proxy of a host",
        {
          store: "memory:",
          state: "memory:",
          hosts: {
            "*.example": {
              caFile: fromFileUrl(new URL("../fixtures/tls/good.crt", import.meta.url)),
            },
            "x.example": { proxy: "http://me:pass@proxy.example:3128" },
            "y.example": { proxy: "direct" },
          },
          tasks: ["https://x.example/a", "https://y.example/b"],
        },
        [],
        [
          "--allow-net=x.example,y.example,proxy.example:3128",
          `--allow-read=${fromFileUrl(new URL("../fixtures/tls/good.crt", import.meta.url))}`,
        ],
      ],
      ["a comma", { store: "/data/a,b/c", state: "memory:", tasks: [] }, [], [
        "--allow-read=/data",
        "--allow-write=/data",
      ]],
    ];
  for (const [name, config, files, flags] of table) {
    // Every request checks whether it goes through a proxy.
    const proxy = config.tasks?.length
      ? "http_proxy,HTTP_PROXY,https_proxy,HTTPS_PROXY,all_proxy,ALL_PROXY,no_proxy,NO_PROXY,"
      : "";
    const variables = `TOKEN,TERM,${proxy}NO_COLOR,FORCE_COLOR,GITHUB_ACTIONS`;
    const everyRun = [`--allow-env=${variables}`, "--ignore-env"];
    assertEquals(await flagsOf(config, files), [...flags, ...everyRun], name);
  }
});

Deno.test("shellQuoted: only if necessary", () => {
  const table: [argument: string, quoted: string][] = [
    ["--allow-read=a/b.json,.cronfetch", "--allow-read=a/b.json,.cronfetch"],
    ["--allow-net=[::1]:80", "'--allow-net=[::1]:80'"],
    ["it's $HOME", `'it'\\''s $HOME'`],
    ["", "''"],
  ];
  for (const [argument, quoted] of table) assertEquals(shellQuoted(argument), quoted);
});

/** The magic bytes of an image. */
const PNG = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==",
);

/** Runs a config with permission flags in another process. */
async function runWith(flags: readonly string[], cwd: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags, MAIN, "run", "-c", "cronfetch.yaml"],
    cwd,
    env: { TOKEN: "hush-hush", TERM: "xterm", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** The flags, each time without one value of net, read or write. */
function* fewer(flags: readonly string[]): Generator<readonly [missing: string, string[]]> {
  for (const flag of flags) {
    const [name = "", list = ""] = flag.split("=");
    if (!/^--allow-(?:net|read|write)$/.test(name)) continue;
    const values = list.split(",");
    for (const value of values) {
      const rest = values.filter((other) => other !== value);
      const left = rest.length === 0 ? [] : [`${name}=${rest.join(",")}`];
      const changed = flags.flatMap((other) => other === flag ? left : [other]);
      yield [`${name}=${value}`, changed];
    }
  }
}

Deno.test("doctor: its flags suffice for a run, and none is superfluous", async (t) => {
  await using server = origin({
    "/a.txt": (request) =>
      new Response("first\n", {
        status: request.headers.get("x-token") === "hush-hush" ? 200 : 403,
      }),
    "/b.png": () => new Response(PNG, { headers: { "content-type": "image/png" } }),
  });
  await using folder = await temporaryFolder();
  const byName = server.origin.replace("127.0.0.1", "localhost");
  await Deno.writeTextFile(
    folder.file("cronfetch.yaml"),
    `state: kv:state/state.db
defaults: { retry: { attempts: 1 } }
tasks:
  - { url: "${server.origin}/a.txt", headers: { x-token: "\${env:TOKEN}" } }
  - { url: "${byName}/b.png", expect: { type: image/png } }
`,
  );
  const host = testHost({ cwd: folder.path, env: { TOKEN: "hush-hush" } });
  assertEquals(await main(["doctor", "--json"], host), 0);
  const flags = rowsOf(host.stdout.text).at(-1)?.["flags"] as string[];
  assertEquals(flags.slice(0, 3), [
    `--allow-net=${new URL(server.origin).host},localhost`,
    "--allow-read=cronfetch.yaml,downloads,state",
    "--allow-write=downloads,state",
  ]);

  await t.step("sufficient", async () => {
    const { code, said } = await runWith(flags, folder.path);
    assertEquals(code, 0, said);
    assertEquals(Object.keys(await tree(folder.file("downloads"))), ["a.txt", "b.png"]);
  });
  for (const [missing, left] of fewer(flags)) {
    await t.step(`not without ${missing}`, async () => {
      const { code, said } = await runWith(left, folder.path);
      assert([2, 3, 4].includes(code), `exit ${code}: ${said}`);
      assertStringIncludes(said, missing.slice(0, missing.indexOf("=")));
      assertEquals(/a bug in cronfetch|Uncaught/.test(said), false, said);
    });
  }
});

Deno.test("run: a store that cannot be written to ends it before any request, as doctor says", async () => {
  await using server = origin({ "/a.txt": "a\n" });
  await using at = await workspace({ store: "taken", tasks: [`${server.origin}/a.txt`] });
  await Deno.writeTextFile(at.folder.file("taken"), "");
  const message = `${at.folder.file("taken")} is a file, not a folder`;
  const run = at.host();
  assertEquals(await main(["run"], run), 2);
  assertStringIncludes(run.stderr.text, message);
  assertStringIncludes(run.stderr.text, 'hint: move it away, or set another "store"');
  assertEquals(server.hits("/a.txt"), 0);
  const checked = at.host();
  assertEquals(await main(["doctor"], checked), 3);
  assertMatch(
    checked.stdout.text,
    /^wrong +store +\S+taken is a file, not a folder {2,}move it away/m,
  );

  // Deno has no permission to write there.
  await Deno.remove(at.folder.file("taken"));
  await Deno.mkdir(at.folder.file("taken"));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "-RNE", `--allow-write=${at.folder.file("state")}`],
      ...[`--config=${CONFIG}`, MAIN, "run"],
    ],
    cwd: at.folder.path,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals([code, server.hits("/a.txt")], [2, 0], text);
  assertStringIncludes(text, `hint: add --allow-write=${at.folder.file("taken")}`);
});

Deno.test("doctor: golden texts of its table", async () => {
  await assertGolden("doctor", async (width) => {
    await using at = await workspace({
      store: "memory:",
      state: "memory:",
      timezone: "Europe/Berlin",
      alerts: [{ command: ["letter"] }],
      tasks: [
        "https://nowhere.example/",
        { url: "https://x.example/a", schedule: "every 2h", headers: { "x-key": "${env:TOKEN}" } },
        ..."bcdef".split("").map((name) => `https://${name}.example/${name}`),
      ],
    });
    const hosts = ["x", ..."bcdef".split("")].map((name) => [`${name}.example`, ["93.184.215.2"]]);
    const env = { TOKEN: "hush-hush", PATH: at.folder.path };
    const host = at.host({ env, addresses: Object.fromEntries(hosts) });
    const shown = await showCommand(["doctor"], host, width);
    // What follows has paths of this machine.
    const tableOf = (text: string) => text.slice(0, text.indexOf("\n\n"));
    return {
      ...shown,
      screen: shown.screen && tableOf(shown.screen),
      stdout: tableOf(shown.stdout),
    };
  });
});
