/** Rows 111 to 114: a server may name a file, but must not replace files of others. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl } from "@std/path";
import { main } from "../helpers/command_line.ts";
import type { TaskResult } from "../../lib/mod.ts";
import { run } from "../helpers/library.ts";
import { openFolder } from "../../lib/store/folder/folder.ts";
import { type TemporaryFolder, temporaryFolder, type Tree, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { type RawServer, rawServer } from "../helpers/raw_server.ts";
import { AUTHORITY_FILE } from "../helpers/transport.ts";
import { response, WHOLE } from "./scenario.ts";

const EVIL = '{"tasks":[],"alerts":[{"command":["true"]}]}\n';

/** A server that sends the name that was set last. */
interface NamingServer extends AsyncDisposable {
  readonly url: string;
  /** Sets the parameters of the header, and optionally the body. */
  name(parameters: string, body?: string): void;
}

async function namingServer(): Promise<NamingServer> {
  let parameters = "";
  let body = EVIL;
  const server: RawServer = await rawServer(async (connection) => {
    const { path } = await connection.readRequest();
    const lines = path === "/dl" ? [`Content-Disposition: attachment; ${parameters}`] : [];
    const bytes = path === "/dl" ? body : WHOLE;
    await connection.send(
      response([...lines, `Content-Length: ${bytes.length}`, "Connection: close"], bytes),
    );
  });
  return {
    url: `${server.origin}/dl`,
    name: (text, bytes = EVIL) => {
      parameters = text;
      body = bytes;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function makeFiles(folder: TemporaryFolder, files: Tree): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(dirname(folder.file(name)), { recursive: true });
    await Deno.writeTextFile(folder.file(name), text);
  }
}

/** Files from before the run: none belongs to a task. */
const STRANGERS: Tree = {
  ".git/config": "[core]\n",
  ".git/hooks/post-merge": "#!/bin/sh\n",
  "package.json": "{}\n",
  "deno.json": "{}\n",
  "precious.csv": "keep\n",
  "\u00fcber.csv": "keep\n",
  "other.csv": "keep\n",
  "sub/file": "keep\n",
};

const quoted = (name: string) => `filename="${name}"`;
const encoded = (name: string) => `filename*=UTF-8''${encodeURIComponent(name)}`;

/** A task of the config writes these; version and quarantine are its own as well. */
const OTHERS = ["data.csv", "made/by/another.csv"];

/** Names that are refused, and why. */
const REFUSED: readonly (readonly [parameters: string, why: string])[] = [
  [quoted("cronfetch.jsonc"), "a server must not name a config"],
  [quoted("cronfetch.json"), "a server must not name a config"],
  [quoted("cronfetch.yaml"), "a server must not name a config"],
  [quoted("cronfetch.yml"), "a server must not name a config"],
  [quoted("cronfetch.ts"), "a server must not name a config"],
  [quoted("cronfetch.txt"), "a server must not name a config"],
  [quoted("CRONFETCH.JSONC"), "a server must not name a config"],
  [quoted("Cronfetch.Json"), "a server must not name a config"],
  [encoded("cronfetch.jsonc"), "a server must not name a config"],
  [quoted("..\\\\..\\\\cronfetch.jsonc"), "a server must not name a config"],
  [quoted("../x/cronfetch.jsonc"), "a server must not name a config"],
  [quoted("%2e%2e%2fcronfetch.jsonc"), "a server must not name a config"],
  [quoted("cronfetch.jsonc."), "a server must not name a config"],
  [quoted("cronfetch.jsonc  "), "a server must not name a config"],
  [quoted(" cronfetch.jsonc"), "a server must not name a config"],
  [quoted(".cronfetch.jsonc"), "a server must not name a config"],
  ["filename=cronfetch.jsonc", "a server must not name a config"],
  [quoted("state.json"), "it is the state"],
  [quoted("STATE.json"), "it is the state"],
  [quoted("state.json.lock"), "it belongs to the state"],
  [quoted("state.json.leases"), "it belongs to the state"],
  [quoted("state.json.leases.new"), "it belongs to the state"],
  [quoted("state.json.new"), "it belongs to the state"],
  [quoted("state.json.run-2026-01-15T120000Z-aaaaaa"), "it belongs to the state"],
  [quoted("state.json-wal"), "it belongs to the state"],
  [quoted("state.json-shm"), "it belongs to the state"],
  [quoted("state.json.bak"), "it belongs to the state"],
  [quoted("git~1"), "it is part of a git repository"],
  [quoted("package.json"), "a file of that name exists"],
  [quoted("deno.json"), "a file of that name exists"],
  [quoted("precious.csv"), "a file of that name exists"],
  [encoded("\u00fcber.csv"), "a file of that name exists"],
  [encoded("u\u0308ber.csv"), "a file of that name exists"],
  [quoted("/etc/precious.csv"), "a file of that name exists"],
  [quoted("precious%2ecsv%2f..%2fprecious.csv"), "a file of that name exists"],
  [quoted("data.csv"), "another task writes to it"],
  [quoted("DATA.csv"), "another task writes to it"],
  [quoted("data.csv.refused"), "it is named like an older version"],
  [quoted("Data.CSV.Refused"), "it is named like an older version"],
  [quoted("data.20260115T060000123Z.csv"), "it is named like an older version"],
  [quoted("data.20260115t060000123z.csv"), "it is named like an older version"],
  [quoted("made"), "another task needs a folder of that name"],
  [quoted("sub"), "is a folder"],
  [quoted(".git"), "a file of that name exists"],
];

/** Names that make a new file, and its key. */
const HARMLESS: readonly (readonly [parameters: string, key: string])[] = [
  [quoted(".git/hooks/pre-commit"), "pre-commit"],
  [quoted(".gitconfig"), "gitconfig"],
  [quoted(".cronfetch/state.db"), "state.db"],
  [quoted(".cronfetch-a.part"), "cronfetch-a.part"],
  [quoted("state.jsonl"), "state.jsonl"],
  [quoted("new.20260115T060000123Z.csv"), "new.20260115T060000123Z.csv"],
  [quoted("new.csv.refused"), "new.csv.refused"],
  [quoted("cronfetch.csv"), "cronfetch.csv"],
];

interface Scene extends AsyncDisposable {
  readonly server: NamingServer;
  /** Every file, except the state and its companions. */
  files(): Promise<Tree>;
  /** Runs the command once: exit code, messages, and the result of the task. */
  run(): Promise<{ exitCode: number; text: string; result: TaskResult }>;
}

async function scene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await namingServer());
  const folder = stack.use(await temporaryFolder());
  const others = OTHERS.map((to) => ({ id: to, url: server.url.replace("/dl", "/other"), to }));
  const tasks = [{ id: "x", url: server.url, to: "{name}" }, ...others];
  const config = { store: ".", state: "file:state.json", tasks };
  await makeFiles(folder, { ...STRANGERS, "cronfetch.jsonc": JSON.stringify(config) });
  // A worktree has a file called .git; here it represents any file.
  await makeFiles(folder, { "git": "keep\n" });
  let minutes = 0;
  const owned = stack.move();
  return {
    server,
    files: async () => {
      const all = Object.entries(await tree(folder.path));
      return Object.fromEntries(all.filter(([name]) => !/^state\.json(?:$|[-.])/.test(name)));
    },
    run: async () => {
      const host = testHost({ cwd: folder.path });
      host.jump(60_000 * minutes++);
      const exitCode = await main(["run", "x", "--json"], host);
      const events = host.stdout.text.trim().split("\n").map((line) => JSON.parse(line));
      const { result } = events.find(({ type }) => type === "task.finished");
      return { exitCode, text: host.stderr.text, result };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

Deno.test("rows 111, 112 and 114: none of 40 names from a server replaces a file", async () => {
  await using at = await scene();
  const before = await at.files();
  assert(REFUSED.length >= 40);
  for (const [parameters, why] of REFUSED) {
    at.server.name(parameters);
    const { exitCode, text, result } = await at.run();
    const seen = [result.status, result.code, exitCode];
    assertEquals(seen, ["failed", "store.conflict", 3], `${parameters}: ${result.message}`);
    assertStringIncludes(result.message ?? "", why, parameters);
    assertStringIncludes(text, "store.conflict");
    assertEquals(await at.files(), before, parameters);
  }
});

Deno.test("rows 111 and 114: new names create new files, and change no other", async () => {
  await using at = await scene();
  let before = await at.files();
  for (const [parameters, key] of HARMLESS) {
    at.server.name(parameters);
    const { exitCode, result } = await at.run();
    const seen = [result.status, result.key, exitCode];
    assertEquals(seen, ["created", key, 0], `${parameters}: ${result.message}`);
    const after = await at.files();
    assertEquals(after, { ...before, [key]: EVIL }, parameters);
    before = after;
  }
});

Deno.test("row 112: equal bytes do not make a file the task's", async () => {
  await using at = await scene();
  at.server.name(quoted("package.json"), STRANGERS["package.json"]);
  assertEquals((await at.run()).result.code, "store.conflict");
  at.server.name(quoted("package.json"));
  assertEquals((await at.run()).result.code, "store.conflict");
  assertEquals((await at.files())["package.json"], STRANGERS["package.json"]);
});

Deno.test("row 112: a task replaces its own files, under each name that it was given", async () => {
  await using at = await scene();
  const before = await at.files();
  const steps: readonly (readonly [name: string, body: string, status: string, key: string])[] = [
    ["one.csv", "1\n", "created", "one.csv"],
    ["one.csv", "2\n", "updated", "one.csv"],
    ["two.csv", "3\n", "created", "two.csv"],
    ["one.csv", "4\n", "updated", "one.csv"],
    ["ONE.csv", "5\n", "updated", "one.csv"],
    ["two.csv", "3\n", "unchanged", "two.csv"],
    ["two.csv", "6\n", "updated", "two.csv"],
  ];
  for (const [name, body, status, key] of steps) {
    at.server.name(quoted(name), body);
    const { result } = await at.run();
    assertEquals([result.status, result.key], [status, key], `${name}: ${result.message}`);
  }
  assertEquals(await at.files(), { ...before, "one.csv": "5\n", "two.csv": "6\n" });
});

Deno.test("row 112: a file created while the body is received is not replaced", async () => {
  for (const theirs of ["theirs\n", WHOLE]) {
    await using folder = await temporaryFolder();
    await using server = await rawServer(async (connection) => {
      await connection.readRequest();
      const half = WHOLE.length >> 1;
      const lines = ['Content-Disposition: attachment; filename="new.csv"'];
      const whole = response([...lines, `Content-Length: ${WHOLE.length}`], WHOLE);
      await connection.send(whole.slice(0, -half));
      await Deno.writeTextFile(folder.file("new.csv"), theirs);
      await connection.send(whole.slice(-half));
    });
    const config = { store: folder.path, tasks: [{ url: `${server.origin}/x`, to: "{name}" }] };
    const state = `file:${folder.file("state.json")}`;
    for (let runs = 0; runs < 2; runs++) {
      const { results: [result] } = await run({ ...config, state }, { host: testHost() });
      assertEquals([result?.status, result?.code], ["failed", "store.conflict"], result?.message);
      assertEquals(await Deno.readTextFile(folder.file("new.csv")), theirs);
    }
  }
});

Deno.test("row 114: refused content replaces no file", async () => {
  await using server = await namingServer();
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "theirs.csv.refused": "keep\n" });
  const state = `file:${folder.file("state.json")}`;
  const task = { id: "x", url: server.url, to: "{name}", quarantine: true };
  const messageOf = async (name: string, matches: string, tasks: object[] = []) => {
    server.name(quoted(name));
    const all = [{ ...task, expect: { matches } }, ...tasks];
    const config = { store: folder.path, state, tasks: all as [] };
    return (await run(config, { host: testHost(), only: ["x"] })).results[0]?.message ?? "";
  };
  assertStringIncludes(await messageOf("theirs.csv", "never"), "could not be kept aside");
  assertStringIncludes(await messageOf("new.csv", "never"), 'kept aside as "new.csv.refused"');
  assertStringIncludes(await messageOf("new.csv", "never"), 'kept aside as "new.csv.refused"');
  // Quarantined content is not a file of the task: a server cannot name it.
  assertStringIncludes(await messageOf("new.csv.refused", "tasks"), "a file of that name exists");
  const other = { id: "y", url: server.url, to: "b.csv.refused" };
  assertStringIncludes(await messageOf("b.csv", "never", [other]), "another task's file is named");
  const files = await tree(folder.path);
  assertEquals(files["theirs.csv.refused"], "keep\n");
  assertEquals(files["new.csv.refused"], EVIL);
  assertEquals(Object.keys(files).filter((name) => name.startsWith("b.")), []);
});

Deno.test("row 113: a target that became a file of cronfetch's own after loading is refused", async () => {
  await using folder = await temporaryFolder();
  await using server = origin({ "/a": "new\n" });
  const tasks = ["state.json", "state.json.lock", "fine.csv"]
    .map((to) => ({ url: `${server.origin}/a`, to }));
  const state = `file:${folder.file("state.json")}`;
  const { random } = testHost();
  // The config names another store than the one that is used.
  await using store = openFolder(folder.path, { sync: false, random });
  const { results } = await run({ store: "memory:", state, tasks }, { host: testHost(), store });
  assertEquals(results.map(({ key, code }) => [key, code ?? null]).toSorted(), [
    ["fine.csv", null],
    ["state.json", "store.conflict"],
    ["state.json.lock", "store.conflict"],
  ]);
  assertEquals((await tree(folder.path))["fine.csv"], "new\n");
  assertEquals(JSON.parse(await Deno.readTextFile(folder.file("state.json"))).format, 2);
});

for (const kind of ["file", "kv"]) {
  Deno.test(`row 112: ${kind}: after a run was killed between publishing and recording, the task publishes`, async () => {
    await using folder = await temporaryFolder();
    await using server = await namingServer();
    server.name(quoted("given.csv"), "first\n");
    const [store, state] = [folder.file("store"), `${kind}:${folder.file("state")}`];
    const program = fromFileUrl(new URL("killed_after_publish.ts", import.meta.url));
    await using child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "-A", "--unstable-kv", program]
        .concat([store, state, server.url]),
      env: { DENO_CERT: AUTHORITY_FILE },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const output = child.stdout.getReader();
    assertEquals(new TextDecoder().decode((await output.read()).value), "published\n");
    child.kill("SIGKILL");
    await child.status;
    await output.cancel();
    const given = async () => (await tree(store))["given.csv"];
    assertEquals(await given(), "first\n");

    const config = { store, state, tasks: [{ id: "a", url: server.url, to: "{name}" }] };
    const next = async () => (await run(config, { host: testHost() })).results[0];
    // The existing file is not the claimed one.
    await Deno.writeTextFile(folder.file("store/given.csv"), "theirs\n");
    assertEquals((await next())?.code, "store.conflict");
    assertEquals(await given(), "theirs\n");
    await Deno.writeTextFile(folder.file("store/given.csv"), "first\n");
    server.name(quoted("given.csv"), "changed\n");
    const result = await next();
    assertEquals([result?.status, result?.key], ["updated", "given.csv"], result?.message);
    assertEquals(await given(), "changed\n");
  });
}
