// Commits and pushes of runs in real repositories, with a manual clock.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { emptyContents } from "../../lib/state/driver.ts";
import { setEntry } from "../../lib/state/entries.ts";
import { parseContents, printContents } from "../../lib/state/file_text.ts";
import type { TaskRecord } from "../../lib/state/state.ts";
import { type CommitOptions, commitRun } from "../../tools/action/commit.ts";
import { ActionError, type Git } from "../../tools/action/git.ts";
import { PUSH_ATTEMPTS } from "../../tools/action/push.ts";
import { testHost } from "../helpers/host.ts";
import { member, recentResult, record } from "../state/samples.ts";
import { assertClean, type Clone, personsGit, remoteWith } from "./repository.ts";

const ignore = Deno.build.os === "windows";

function test(name: string, body: () => Promise<void>): void {
  Deno.test({ name: `commit: ${name}`, ignore, fn: body });
}

/** The events of a run with these results. */
function events(results: Readonly<Record<string, string>>): string {
  return Object.entries(results).map(([key, status]) =>
    JSON.stringify({ type: "task.finished", result: { task: key, status, key } }) + "\n"
  ).join("");
}

/** A state with records of files published at a minute past twelve. */
function stateOf(minutes: Readonly<Record<string, number>>): string {
  const contents = emptyContents();
  for (const [task, minute] of Object.entries(minutes)) {
    contents.records.set(task, at(task, minute));
  }
  return printContents(contents);
}

function at(task: string, minute: number): TaskRecord {
  const time = `2026-01-15T12:${String(minute).padStart(2, "0")}:00Z`;
  return record(task, { publishedAt: time, results: [recentResult({ at: time })] });
}

/** Commits in a clone; returns the log and the delays. */
async function commit(
  clone: Clone,
  options: Partial<CommitOptions> = {},
  gitIn: (folder: string) => Git = personsGit,
) {
  const host = testHost();
  const said: string[] = [];
  const warnings: string[] = [];
  const outcome = await commitRun({
    events: "",
    store: `${clone.path}/data`,
    state: `${clone.path}/state.json`,
    when: "all",
    subject: "",
    skipCi: false,
    branch: "",
    push: true,
    eventRef: "refs/heads/main",
    ...options,
  }, {
    ...host,
    gitIn,
    folder: clone.path,
    log: (sentence) => said.push(sentence),
    warn: (sentence) => warnings.push(sentence),
  });
  return { ...outcome, said, warnings, slept: host.slept };
}

/** Writes the files and the state of a run. */
async function leave(clone: Clone, files: Readonly<Record<string, string>>, minute = 1) {
  for (const [key, text] of Object.entries(files)) await clone.write(`data/${key}`, text);
  const keys = Object.keys(files);
  await clone.write("state.json", stateOf(Object.fromEntries(keys.map((key) => [key, minute]))));
  return events(Object.fromEntries(keys.map((key) => [key, "updated"])));
}

test("concurrent pushes are kept, in shallow and full clones", async () => {
  for (const args of [["--depth=1"], []]) {
    await using remote = await remoteWith({ "data/a": "old\n" });
    const [one, two] = [await remote.clone("one", args), await remote.clone("two", args)];
    await commit(one, { events: await leave(one, { b: "two\n" }) });
    const { slept } = await commit(two, { events: await leave(two, { a: "new\n" }) });
    assertEquals(slept, [], "what was pushed before ours is seen at once");
    assertEquals(await remote.file("data/a"), "new\n");
    assertEquals(await remote.file("data/b"), "two\n");
    assertEquals(await remote.file("state.json"), stateOf({ a: 1, b: 1 }));
    assertEquals((await remote.log()).length, 3);
    await assertClean(two);
    assertEquals(await Deno.readTextFile(`${two.path}/data/b`), "two\n");
  }
});

test("of two versions of a file the newer one and its record are kept", async () => {
  for (const [theirs, ours, text] of [[5, 1, "theirs\n"], [1, 5, "ours\n"]] as const) {
    await using remote = await remoteWith({ "data/a": "old\n", "data/b": "old\n" });
    const [one, two] = [await remote.clone("one"), await remote.clone("two")];
    await commit(one, { events: await leave(one, { a: "theirs\n" }, theirs) });
    const { commit: pushed } = await commit(two, {
      events: await leave(two, { a: "ours\n", b: "ours\n" }, ours),
    });
    assertEquals(await remote.file("data/a"), text);
    assertEquals(await remote.file("data/b"), "ours\n");
    const newest = Math.max(theirs, ours);
    assertEquals(await remote.file("state.json"), stateOf({ a: newest, b: ours }));
    const [message] = await remote.log();
    assertEquals(message, `cronfetch: ${text === "ours\n" ? 2 : 1} updated`);
    await assertClean(two);
    assertEquals(await two.ask("rev-parse", "HEAD"), pushed);
    assertEquals(await Deno.readTextFile(`${two.path}/data/a`), text);
  }
});

test("changes that are already pushed need no commit", async () => {
  await using remote = await remoteWith({});
  const [one, two] = [await remote.clone("one"), await remote.clone("two")];
  const { commit: first } = await commit(one, { events: await leave(one, { a: "new\n" }) });
  const { commit: second } = await commit(two, { events: await leave(two, { a: "new\n" }) });
  assertEquals(second, first);
  assertEquals((await remote.log()).length, 2);
  await assertClean(two);
});

test("a push that is always too late is retried a limited number of times", async () => {
  await using remote = await remoteWith({});
  const clone = await remote.clone("one");
  // Another push always happens between fetch and push.
  const gitIn = (folder: string): Git => {
    const git = personsGit(folder);
    return async (args, given) => {
      if (args[0] === "push") {
        const tree = (await remote.git(["rev-parse", "main^{tree}"])).stdout.trim();
        const made = await remote.git(["commit-tree", tree, "-p", "main", "-m", "quicker"]);
        await remote.git(["update-ref", "refs/heads/main", made.stdout.trim()]);
      }
      return await git(args, given);
    };
  };
  const host = testHost();
  const slept: number[] = [];
  const events = await leave(clone, { a: "new\n" });
  const error = await assertRejects(
    () =>
      commitRun({
        events,
        store: `${clone.path}/data`,
        state: `${clone.path}/state.json`,
        when: "all",
        subject: "",
        skipCi: false,
        branch: "",
        push: true,
        eventRef: "",
      }, {
        clock: host.clock,
        random: { fraction: () => 0.5 },
        timers: { sleep: (delayMs) => Promise.resolve(void slept.push(delayMs)) },
        gitIn,
        folder: clone.path,
        log: () => {},
        warn: () => {},
      }),
    ActionError,
  );
  assertStringIncludes(error.message, `pushing failed ${PUSH_ATTEMPTS} times, last with:`);
  assertStringIncludes(error.message, "stale info");
  assertEquals(slept, [750, 1500, 3000, 6000, 12000, 15000, 15000, 15000, 15000]);
  assertEquals(new Set(await remote.log()), new Set(["quicker", "first"]));
});

test("permanent rejections are reported immediately, with a hint", async () => {
  const table: [script: string, said: string][] = [
    [
      "echo 'error: GH006: Protected branch update failed for refs/heads/main.'; exit 1",
      "the branch main is protected",
    ],
    [
      "echo 'error: GH013: Repository rule violations found'; exit 1",
      "the branch main is protected",
    ],
    [
      "echo 'error: GH013: Repository rule violations. Push cannot contain secrets'; exit 1",
      "for a secret in a file",
    ],
    ["echo 'Permission to o/r.git denied to github-actions[bot].'; exit 1", "contents: write"],
    ["echo 'no files of this kind'; exit 1", "the remote refused the commit"],
  ];
  for (const [script, said] of table) {
    await using remote = await remoteWith({});
    await remote.hook("pre-receive", `(${script}) >&2`);
    const clone = await remote.clone("one");
    const head = await clone.ask("rev-parse", "HEAD");
    const events = await leave(clone, { a: "new\n" });
    const error = await assertRejects(() => commit(clone, { events }), ActionError);
    assertStringIncludes(error.message, said);
    assertEquals((await remote.log()).length, 1);
    assertEquals(await clone.ask("rev-parse", "HEAD"), head, "nothing to build on");
  }
});

test("a deleted branch is not restored; a new branch is created", async () => {
  await using remote = await remoteWith({});
  const clone = await remote.clone("one");
  await clone.ask("push", "--quiet", "origin", "main:other", "main:keep");
  await clone.ask("fetch", "--quiet", "origin", "+refs/heads/other:refs/remotes/origin/other");
  await clone.ask("checkout", "--quiet", "-b", "other");
  await remote.git(["branch", "-D", "other"]);
  const events = await leave(clone, { a: "new\n" });
  const error = await assertRejects(() => commit(clone, { events, eventRef: "" }), ActionError);
  assertStringIncludes(error.message, "the branch other was deleted");
  assertEquals((await remote.git(["rev-parse", "--verify", "other"])).code === 0, false);

  // No upstream: the remote never had it.
  const two = await remote.clone("two");
  await two.ask("checkout", "--quiet", "-b", "fresh");
  await commit(two, { events: await leave(two, { a: "new\n" }), eventRef: "" });
  assertEquals(await remote.log("fresh"), ["cronfetch: 1 updated", "first"]);
});

test("with a detached HEAD: the branch of the event, the requested one, or an error", async () => {
  await using remote = await remoteWith({});
  const seed = await remote.clone("seed", []);
  await seed.ask("push", "--quiet", "origin", "main:data");
  await seed.write("data/moved", "on\n");
  await seed.commit("moved on");
  await seed.ask("push", "--quiet", "origin", "main");

  const ofEvent = await remote.clone("one");
  await ofEvent.ask("checkout", "--quiet", "--detach");
  const { commit: made } = await commit(ofEvent, { events: await leave(ofEvent, { a: "new\n" }) });
  assertEquals((await remote.log())[0], "cronfetch: 1 updated");
  assertEquals(await ofEvent.ask("rev-parse", "HEAD"), made);
  await assertClean(ofEvent);

  // A pull request: its commits must not be pushed to any branch.
  const pull = await remote.clone("two", []);
  await pull.ask("checkout", "--quiet", "--detach");
  await pull.write("feature.txt", "a feature\n");
  await pull.commit("a feature");
  const events = await leave(pull, { b: "new\n" });
  const options = { events, eventRef: "refs/pull/1/merge" };
  const error = await assertRejects(() => commit(pull, options), ActionError);
  assertStringIncludes(error.message, "no branch is checked out");
  await commit(pull, { ...options, branch: "main" });
  assertEquals((await remote.log()).slice(0, 2), ["cronfetch: 1 updated", "cronfetch: 1 updated"]);
  assertEquals(await remote.file("feature.txt"), null);

  // Another branch than the checked-out one: the working copy stays unchanged.
  const other = await remote.clone("three");
  const head = await other.ask("rev-parse", "HEAD");
  await commit(other, { events: await leave(other, { c: "new\n" }), branch: "data" });
  assertEquals(await other.ask("rev-parse", "HEAD"), head);
  assertEquals(await remote.file("data/c", "data"), "new\n");
  assertEquals(await remote.file("data/moved", "data"), null);
  for (const branch of ["a..b", "main:x"]) {
    await assertRejects(() => commit(other, { events, branch }), ActionError, "cannot be the name");
  }
});

test("earlier local commits are pushed along, or the push fails", async () => {
  await using remote = await remoteWith({});
  const one = await remote.clone("one");
  await one.write("mine.txt", "mine\n");
  await one.commit("a step's own");
  await commit(one, { events: await leave(one, { a: "new\n" }) });
  assertEquals(await remote.log(), ["cronfetch: 1 updated", "a step's own", "first"]);

  const two = await remote.clone("two");
  await two.write("mine.txt", "another\n");
  await two.commit("another step's own");
  const three = await remote.clone("three");
  await commit(three, { events: await leave(three, { b: "new\n" }) });
  const events = await leave(two, { c: "new\n" });
  const error = await assertRejects(() => commit(two, { events }), ActionError);
  assertStringIncludes(
    error.message,
    "the branch main has moved on, and 1 commit here is not on it",
  );
});

test("other edits are neither committed nor lost, also if the branch has moved", async () => {
  await using remote = await remoteWith({ "data/a": "old\n" });
  const [one, two] = [await remote.clone("one"), await remote.clone("two")];
  await commit(one, { events: await leave(one, { b: "new\n" }) });
  await two.write("README", "edited\n");
  await two.write("staged", "staged\n");
  await two.ask("add", "staged");
  await commit(two, { events: await leave(two, { a: "new\n" }) });
  assertEquals(await remote.paths(), ["README", "data/a", "data/b", "state.json"]);
  assertEquals(await remote.file("README"), "hello\n");
  await assertClean(two, ["M README", "A  staged"]);

  // If updating would lose an edit, the working copy stays behind.
  const three = await remote.clone("three");
  await one.ask("pull", "--quiet");
  await one.write("README", "changed\n");
  await one.commit("changed");
  await one.ask("push", "--quiet");
  await three.write("README", "edited\n");
  const { said } = await commit(three, { events: await leave(three, { a: "newer\n" }) });
  assertStringIncludes(said.join("\n"), "The working copy was left behind main");
  assertEquals(await Deno.readTextFile(`${three.path}/README`), "edited\n");
  assertEquals(await remote.file("README"), "changed\n");
});

test("pruned versions are removed; refused content is added and removed", async () => {
  const [older, old] = ["data/a.20260101T000000000Z.txt", "data/a.20260102T000000000Z.txt"];
  await using remote = await remoteWith({
    "data/a.txt": "2\n",
    "data/a.txt.refused": "bad\n",
    "data/b.20260101T000000000Z.txt": "another's\n",
    [older]: "0\n",
  });
  const clone = await remote.clone("one");
  const events = await leave(clone, { "a.txt": "3\n" });
  await Deno.remove(`${clone.path}/${older}`);
  await Deno.remove(`${clone.path}/data/a.txt.refused`);
  await Deno.remove(`${clone.path}/data/b.20260101T000000000Z.txt`);
  await clone.write(old, "2\n");
  await clone.write("data/c.txt.refused", "refused\n");
  await clone.write("data/d.txt.refused", "nobody's\n");
  const failed = JSON.stringify({
    type: "task.finished",
    result: { task: "c", status: "failed", key: "c.txt" },
  });
  await commit(clone, { events: events + failed });
  assertEquals(await remote.paths(), [
    "README",
    old,
    "data/a.txt",
    "data/b.20260101T000000000Z.txt",
    "data/c.txt.refused",
    "state.json",
  ]);
});

test("files of a family are removed once they left the state, under any name", async () => {
  const keys = ["2026-01-01.csv", "2026-01-02.csv", "kept.csv", "taken.csv", "Jan é.csv"];
  const stateWith = (members: Readonly<Record<string, readonly string[]>>) => {
    const contents = emptyContents();
    for (const [task, keys] of Object.entries(members)) {
      contents.records.set(task, at(task, 1));
      for (const key of keys) {
        const { key: id, ...body } = member(key);
        setEntry(contents.entries, "members", task, id, body);
      }
    }
    return printContents(contents);
  };
  const others = ["others.csv"];
  await using remote = await remoteWith({
    ...Object.fromEntries([...keys, ...others].map((key) => [`data/${key}`, `${key}\n`])),
    "state.json": stateWith({ daily: keys, idle: others }),
  });
  const clone = await remote.clone("one");
  await clone.write("data/2026-01-03.csv", "new\n");
  await clone.write("data/taken.csv", "edited\n");
  for (
    const key of [...keys.filter((key) => key !== "kept.csv" && key !== "taken.csv"), ...others]
  ) {
    await Deno.remove(`${clone.path}/data/${key}`);
  }
  // The file of "taken.csv" is another task's now; "others.csv" is of a task that did not run.
  await clone.write("state.json", stateWith({ daily: ["kept.csv"] }));
  const result = { task: "daily", status: "created", key: "2026-01-03.csv" };
  await commit(clone, { events: JSON.stringify({ type: "task.finished", result }) });
  assertEquals(await remote.paths(), [
    "README",
    "data/2026-01-03.csv",
    "data/kept.csv",
    "data/others.csv",
    "data/taken.csv",
    "state.json",
  ]);
  assertEquals(await remote.file("data/taken.csv"), "taken.csv\n");
});

test("ignored files are not committed, with a warning", async () => {
  await using remote = await remoteWith({ ".gitignore": "/data/*.tmp\n/state.json\n" });
  const clone = await remote.clone("one");
  const { warnings } = await commit(clone, {
    events: await leave(clone, { "a.tmp": "new\n", "b": "new\n" }),
  });
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0] ?? "", "2 files out of the commit: data/a.tmp, state.json");
  assertEquals(await remote.paths(), [".gitignore", "README", "data/b"]);
});

test("submodules and nested repositories are not changed", async () => {
  await using remote = await remoteWith({ "other": "old\n" });
  const pointed = await remote.clone("pointed");
  const link = `160000,${await pointed.ask("rev-parse", "HEAD")},data`;
  const early = await remote.clone("early");
  await pointed.ask("update-index", "--add", "--cacheinfo", link);
  await pointed.ask("commit", "--quiet", "-m", "a submodule");
  await pointed.ask("push", "--quiet");
  const entry = async () => (await remote.git(["ls-tree", "main", "data"])).stdout.split(" ")[0];

  const absent = await remote.clone("absent");
  const present = await remote.clone("present");
  await Deno.mkdir(`${present.path}/data`, { recursive: true });
  await personsGit(`${present.path}/data`)(["init", "--quiet"]);
  for (const [index, clone] of [absent, early, present].entries()) {
    const { warnings, commit: made } = await commit(clone, {
      events: await leave(clone, { a: "new\n", "deep/b": "new\n" }, index),
    });
    assertEquals(warnings, [
      "A submodule, or a repository within this one, keeps 2 files out of the commit: data/a, " +
      "data/deep/b; move the store and the state out of it",
    ]);
    assertEquals(await entry(), "160000");
    assert(made !== null && await remote.file("state.json") !== null);
  }

  // No commit has a gitlink for this one.
  await using plain = await remoteWith({});
  const clone = await plain.clone("nested");
  const nested = `${clone.path}/data/inner`;
  await Deno.mkdir(nested, { recursive: true });
  await personsGit(nested)(["init", "--quiet"]);
  const { warnings } = await commit(clone, {
    events: await leave(clone, { "inner/a": "new\n", "b": "new\n" }),
  });
  assertStringIncludes(warnings[0] ?? "", "keeps 1 file out of the commit: data/inner/a;");
  assertEquals(await plain.paths(), ["README", "data/b", "state.json"]);
});

test("a store that is no folder, a state that is no file, and both outside of the repository", async () => {
  await using remote = await remoteWith({});
  const clone = await remote.clone("one");
  const events = await leave(clone, { a: "new\n" });
  await assertRejects(() => commit(clone, { events, store: "/" }), ActionError, "outside of the");
  const elsewhere = await remote.clone("elsewhere");
  const away = await commit(elsewhere, {
    events: await leave(elsewhere, { b: "new\n" }),
    state: "/tmp/elsewhere/state.json",
  });
  assertStringIncludes(away.warnings[0] ?? "", "state.json is outside of the repository");
  assertEquals(await remote.paths(), ["README", "data/b"]);
  const { warnings } = await commit(clone, { events, state: "" });
  assertStringIncludes(warnings[0] ?? "", "is forgotten: set the input state to file:PATH");
  assertEquals(await remote.paths(), ["README", "data/a", "data/b"]);
  await commit(clone, { events, store: "" });
  assertEquals(await remote.paths(), ["README", "data/a", "data/b", "state.json"]);
});

test("a store that is the repository itself, and names with special characters", async () => {
  await using remote = await remoteWith({});
  const clone = await remote.clone("one");
  const keys = ["-rf", ":(top)x", "*", "a b", "größe.txt", '"q".txt'];
  for (const key of keys) await clone.write(key, "new\n");
  await clone.write("state.json", stateOf({}));
  await clone.write("other", "a stranger's\n");
  await commit(clone, {
    store: clone.path,
    events: events(Object.fromEntries(keys.map((key) => [key, "created"]))),
  });
  const paths = (await remote.git(["ls-tree", "-z", "--name-only", "main"])).stdout.split("\0");
  assertEquals(new Set(paths), new Set([...keys, "README", "state.json", ""]));
});

test("no commit: without results, with skipped tasks only, without differences", async () => {
  await using remote = await remoteWith({ "data/a": "same\n", "state.json": stateOf({}) });
  const clone = await remote.clone("one");
  const table: [options: Partial<CommitOptions>, said: string][] = [
    [{}, "No task has run"],
    [{ events: events({ a: "skipped" }) }, "No task has run"],
    [{ events: events({ a: "unchanged" }) }, "Everything is as it was"],
    [{ events: events({ a: "updated" }) }, "Everything is as it was"],
    [{ events: events({ a: "failed" }), when: "data" }, "No file has changed"],
  ];
  for (const [options, sentence] of table) {
    const { commit: made, said } = await commit(clone, options);
    assertEquals(made, null);
    assert(said[0]?.startsWith(sentence), said[0]);
  }
  assertEquals((await remote.log()).length, 1);
});

test("an unreadable state on the branch is not overwritten", async () => {
  await using remote = await remoteWith({});
  const [one, two] = [await remote.clone("one"), await remote.clone("two")];
  await one.write("state.json", "<<<<<<< a\n");
  await one.commit("broken");
  await one.ask("push", "--quiet");
  const events = await leave(two, { a: "new\n" });
  const error = await assertRejects(() => commit(two, { events }), CronfetchError);
  assertStringIncludes(error.message, "a merge left conflicts in it");
  assertEquals(await remote.file("state.json"), "<<<<<<< a\n");
});

test("errors without a remote and without a repository", async () => {
  await using remote = await remoteWith({});
  const clone = await remote.clone("one");
  await clone.ask("remote", "remove", "origin");
  const events = await leave(clone, { a: "new\n" });
  await assertRejects(() => commit(clone, { events }), ActionError, "no remote to push to");
  const { commit: made } = await commit(clone, { events, push: false });
  assertEquals(await clone.ask("rev-parse", "HEAD"), made);
  const nowhere = { ...clone, path: await remote.folder("nowhere") };
  await assertRejects(() => commit(nowhere, { events }), ActionError, "not a git repository");
});

test("another run can read the merged state", async () => {
  await using remote = await remoteWith({});
  const clones = await Promise.all(["one", "two", "three"].map((name) => remote.clone(name)));
  for (const [index, clone] of clones.entries()) {
    await commit(clone, { events: await leave(clone, { [`f${index}`]: "new\n" }, index) });
  }
  const state = parseContents(await remote.file("state.json") ?? "", "the remote");
  assertEquals([...state.records.keys()], ["f0", "f1", "f2"]);
});
