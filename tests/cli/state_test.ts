import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { bufferedState } from "../../lib/state/buffered.ts";
import { openDriver } from "../../lib/state/open.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { stateLocation } from "../helpers/open.ts";
import { member, record } from "../state/samples.ts";

/** Runs `state` in a folder. */
async function stateCommand(
  cwd: string,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const host = testHost({ cwd });
  const code = await main(["state", ...args], host);
  return { code, stdout: host.stdout.text, stderr: host.stderr.text };
}

Deno.test("state check: what the state of the config has", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(
    folder.file("cronfetch.json"),
    '{"state": "file:state.json", "tasks": [{ "url": "https://example.org/a", ' +
      '"headers": { "authorization": "${env:NONE}" } }]}',
  );
  const location = `file:${folder.file("state.json")}`;
  const missing = await stateCommand(folder.path, "check");
  assertEquals(missing, {
    ...{ code: 2, stdout: "" },
    stderr: `error: reading the state ${location}: it does not exist\n` +
      "hint: check the path, or the database and schema\n",
  });
  const driver = await openDriver(stateLocation(location), testHost());
  {
    await using state = bufferedState(driver, testHost());
    state.save(record("a"));
    state.saveMember("a", member("a.csv"));
  }
  const { code, stdout } = await stateCommand(folder.path, "check");
  assertEquals([code, stdout.split("\n")[1]], [0, "1 record, 1 entry, 0 runs, 0 days"]);
  const json = JSON.parse((await stateCommand(folder.path, "check", "--json")).stdout);
  assertEquals(
    [json.location, json.format, json.tables, json.records, json.orphans],
    [location, 2, null, 1, {}],
  );
});

Deno.test("state copy: to a new state, and not over another one", async () => {
  await using folder = await temporaryFolder();
  const driver = await openDriver(stateLocation(`file:${folder.file("a.json")}`), testHost());
  {
    await using state = bufferedState(driver, testHost());
    state.save(record("a"));
  }
  const copied = await stateCommand(folder.path, "copy", "file:a.json", "kv:a.db");
  assertEquals([copied.code, copied.stdout.split("\n")], [0, [
    `copied file:${folder.file("a.json")} to kv:${folder.file("a.db")}: ` +
    "1 record, 0 entries, 0 runs, 0 days",
    'set "state" in the config to use it',
    "",
  ]]);
  const again = await stateCommand(folder.path, "copy", "file:a.json", "kv:a.db");
  assertEquals([again.code, again.stderr.split("\n")], [2, [
    `error: copying to the state kv:${folder.file("a.db")}: it is not empty`,
    "hint: name a new one, or replace what both have by --force",
    "",
  ]]);
  assertEquals(
    (await stateCommand(folder.path, "copy", "file:a.json", "kv:a.db", "--force")).code,
    0,
  );
});

Deno.test("state: usage", async () => {
  const table: [args: string[], message: string][] = [
    [["chek"], 'state needs one of migrate, check, copy, not "chek"'],
    [["copy", "kv:a"], "state copy needs two locations, not 1"],
    [["copy", "kv:a", "kv:a"], "state copy needs two different locations"],
    [["check", "kv:a", "kv:b"], "state check takes one location, not 2"],
    [["check", "a.json"], "did you mean file:a.json?"],
    [["check", "postgres://u:secret@h,i/d"], "the location of a state must have one host"],
    [["migrate", "kv:a"], "it has no tables"],
  ];
  for (const [args, message] of table) {
    const { code, stderr } = await stateCommand("/", ...args);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, message);
    assertEquals(stderr.includes("secret"), false);
  }
});
