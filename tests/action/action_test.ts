// The whole action: its steps on real repositories, with a server on loopback.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { build } from "../../tools/build.ts";
import { origin, type Route } from "../helpers/origin.ts";
import { assertClean, type Clone, type Remote, remoteWith } from "./repository.ts";
import { ACTION_PATH, type ActionOptions, readAction, runAction } from "./runner.ts";

const ignore = Deno.build.os === "windows";

/** A remote with a config for some files of a server. */
async function place(routes: Record<string, Route>, config: object = {}) {
  const server = origin(routes);
  const tasks = Object.keys(routes).map((path) => `${server.origin}${path}`);
  const text = JSON.stringify({ store: "data", schedule: "every 1h", tasks, ...config });
  const remote = await remoteWith({ "cronfetch.json": text });
  return {
    server,
    remote,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await remote[Symbol.asyncDispose]();
    },
  };
}

let runs = 0;

/** Runs the action in a working copy. */
async function act(
  remote: Remote,
  clone: Clone,
  inputs: Record<string, string> = {},
  more: Partial<ActionOptions> = {},
) {
  const temporary = await remote.folder(`runner-${++runs}`);
  return await runAction({ workspace: clone.path, temporary, inputs, ...more });
}

Deno.test({
  name: "action: files and state are committed, and the next run finds nothing due",
  ignore,
}, async () => {
  await using at = await place({ "/a.txt": "first\n", "/deep/b.txt": "second\n" });
  const clone = await at.remote.clone("one");
  const env = { GITHUB_SERVER_URL: "https://github.example", GITHUB_REPOSITORY: "me/data" };
  const result = await act(at.remote, clone, {}, { env });
  assertEquals(result.steps, [
    ["denoland/setup-deno@v2", "success"],
    ["run", "success"],
    ["commit", "success"],
  ], result.log);
  assertEquals(await at.remote.paths(), [
    "README",
    "cronfetch.json",
    "cronfetch.state.json",
    "data/a.txt",
    "data/b.txt",
  ]);
  assertEquals(await at.remote.file("data/a.txt"), "first\n");
  assertEquals(await at.remote.log(), ["cronfetch: 2 created", "first"]);
  const [commit, author] = (await at.remote.git(["log", "-1", "--format=%H%n%an <%ae>%n%b"])).stdout
    .split("\n");
  assertEquals(
    author,
    "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>",
  );
  assertEquals(result.outputs["commit"], commit);
  assertEquals(
    [result.outputs["committed"], result.outputs["created"], result.outputs["exit-code"]],
    ["true", "2", "0"],
  );
  assertEquals(JSON.parse(result.outputs["changed"] ?? "").toSorted(), ["a.txt", "b.txt"]);
  const source = `<a href="${at.server.origin}/a.txt"><code>a.txt</code></a>`;
  assertStringIncludes(result.summary, source);
  const url = `https://github.example/me/data/commit/${commit}`;
  assertStringIncludes(result.summary, `Committed as [${commit?.slice(0, 10)}](${url}).`);
  assertMatch(result.log, /^::group::cronfetch: 2 tasks$/m);
  await assertClean(clone);
  assertEquals(await clone.ask("rev-parse", "HEAD"), commit);

  const hits = at.server.hits();
  const next = await at.remote.clone("two");
  const idle = await act(at.remote, next);
  assertEquals([idle.failed, idle.outputs["committed"]], [false, "false"], idle.log);
  assertStringIncludes(idle.log, "No task has run: there is nothing to commit.");
  assertEquals([(await at.remote.log()).length, at.server.hits()], [2, hits]);

  // Requested again although not due, unchanged files cost no bytes; only `data` makes no commit.
  const data = await act(at.remote, next, { due: "false", commit: "data" });
  assertEquals([data.outputs["unchanged"], data.outputs["committed"]], ["2", "false"], data.log);
  const remembered = await act(at.remote, next, { due: "false" });
  assertEquals(remembered.outputs["committed"], "true", remembered.log);
  assertEquals((await at.remote.log())[0], "cronfetch: nothing new in 2 tasks");
});

Deno.test(
  { name: "action: a failed download fails the step after committing the other files", ignore },
  async () => {
    await using at = await place({ "/a.txt": "first\n", "/missing.txt": 404 });
    const clone = await at.remote.clone("one");
    const result = await act(at.remote, clone);
    assertEquals(result.steps.slice(1), [["run", "failure"], ["commit", "success"]], result.log);
    assertEquals([result.failed, result.codes["run"], result.outputs["exit-code"]], [true, 3, "3"]);
    assertEquals(await at.remote.file("data/a.txt"), "first\n");
    assertEquals((await at.remote.log())[0], "cronfetch: 1 created");
    const head = "file=cronfetch.json,line=1,title=cronfetch%3A missing.txt failed";
    assertStringIncludes(result.log, `\n::error ${head}::http.status`);
  },
);

Deno.test(
  { name: "action: an invalid config starts no run and commits nothing", ignore },
  async () => {
    await using at = await place({ "/a.txt": "first\n" }, { storre: "x" });
    const result = await act(at.remote, await at.remote.clone("one"));
    assertEquals([result.codes["run"], result.codes["commit"]], [2, 0], result.log);
    assertEquals(result.outputs["exit-code"], "");
    assertEquals([(await at.remote.log()).length, at.server.hits()], [1, 0]);
  },
);

Deno.test(
  { name: "action: pushes during the run and during the push are kept", ignore },
  async () => {
    await using at = await place({
      "/a.txt": async () => {
        // Another push during the download.
        await other.write("notes.txt", "a note\n");
        await other.commit("a note");
        await other.ask("push", "--quiet");
        return new Response("first\n");
      },
    });
    const other = await at.remote.clone("other", []);
    const clone = await at.remote.clone("one");
    // And another one between fetch and push.
    const hook = `${clone.path}/.git/hooks/pre-push`;
    await Deno.writeTextFile(
      hook,
      `#!/bin/sh\nset -e\nrm "$0"\ncd '${other.path}'\nunset GIT_DIR\n` +
        `echo more > more.txt\ngit add more.txt\n` +
        `git -c user.name=A -c user.email=a@example.org commit --quiet -m 'more notes'\n` +
        `git push --quiet\n`,
    );
    await Deno.chmod(hook, 0o755);
    const result = await act(at.remote, clone);
    assertEquals(result.failed, false, result.log);
    assertStringIncludes(result.log, "The push did not work, the next try is in");
    assertEquals(await at.remote.log(), ["cronfetch: 1 created", "more notes", "a note", "first"]);
    assertEquals(await at.remote.paths(), [
      "README",
      "cronfetch.json",
      "cronfetch.state.json",
      "data/a.txt",
      "more.txt",
      "notes.txt",
    ]);
    // The working copy equals the pushed commit, including the other files.
    await assertClean(clone);
    assertEquals(await clone.ask("rev-parse", "HEAD"), result.outputs["commit"]);
    assertEquals(await Deno.readTextFile(`${clone.path}/notes.txt`), "a note\n");
  },
);

Deno.test(
  { name: "action: two concurrent runs are both pushed, with a merged state", ignore },
  async () => {
    await using at = await place({ "/a.txt": "first\n", "/b.txt": "second\n" });
    const clones = [await at.remote.clone("one"), await at.remote.clone("two")];
    const results = await Promise.all(
      clones.map((clone, index) =>
        act(at.remote, clone, { tasks: ["a.txt", "b.txt"][index] ?? "" })
      ),
    );
    for (const { failed, log } of results) assertEquals(failed, false, log);
    assertEquals(await at.remote.log(), ["cronfetch: 1 created", "cronfetch: 1 created", "first"]);
    assertEquals(await at.remote.file("data/a.txt"), "first\n");
    assertEquals(await at.remote.file("data/b.txt"), "second\n");
    const state = JSON.parse(await at.remote.file("cronfetch.state.json") ?? "");
    assertEquals(Object.keys(state.records), ["a.txt", "b.txt"]);
    assertEquals(state.runs.length, 2);
    for (const clone of clones) await assertClean(clone);
  },
);

Deno.test(
  { name: "action: commits only files of the run", ignore },
  async () => {
    await using at = await place({
      "/a.txt": { sequence: ["one\n", "three\n"] },
      "/bad.pdf": "<html>no",
    }, {
      defaults: { keep: 1, quarantine: true },
    });
    const clone = await at.remote.clone("one");
    await act(at.remote, clone, { due: "false" });
    assertEquals(await at.remote.file("data/bad.pdf.refused"), "<html>no");
    // Other edits, staged and unstaged, and untracked files.
    await clone.write("README", "edited\n");
    await clone.write("data/own.txt", "a stranger's\n");
    await clone.write("staged.txt", "staged\n");
    await clone.ask("add", "staged.txt");
    const result = await act(at.remote, clone, {
      due: "false",
      "commit-message": 'Fetch $(touch /tmp/no) `x` ${HOME} ; "quoted"',
      author: "Somebody Else <else@example.org>",
      "skip-ci": "true",
      args: "--retries 0\n  --verbose",
    });
    assertEquals(result.codes["commit"], 0, result.log);
    assertEquals(
      (await at.remote.git(["log", "-1", "--format=%an <%ae>%n%B"])).stdout.trimEnd(),
      "Somebody Else <else@example.org>\n" +
        'Fetch $(touch /tmp/no) `x` ${HOME} ; "quoted" [skip ci]\n\nupdated  a.txt  6 B (+2 B)',
    );
    const paths = await at.remote.paths();
    const versions = paths.filter((path) => /^data\/a\.\d{8}T\d{9}Z\.txt$/.test(path));
    assertEquals(versions.length, 1);
    assertEquals(await at.remote.file(versions[0] ?? ""), "one\n");
    assertEquals(await at.remote.file("README"), "hello\n");
    assertEquals(paths.filter((path) => /own|staged/.test(path)), []);
    await assertClean(clone, ["M README", "A  staged.txt", "?? data/own.txt"]);
  },
);

Deno.test(
  { name: "action: another working directory, URLs as tasks, no push, no commit", ignore },
  async () => {
    await using at = await place({ "/a.txt": "first\n" });
    const clone = await at.remote.clone("one");
    await Deno.mkdir(`${clone.path}/sub`);
    const inputs = {
      "working-directory": "sub",
      tasks: `${at.server.origin}/a.txt`,
      args: "-o files",
      due: "false",
      state: "file:remembered.json",
    };
    const kept = await act(at.remote, clone, { ...inputs, push: "false" });
    assertEquals(kept.failed, false, kept.log);
    assertEquals((await at.remote.log()).length, 1);
    assertEquals(
      (await clone.ask("show", "--format=%s", "--name-only")).split("\n"),
      ["cronfetch: 1 created", "", "sub/files/a.txt", "sub/remembered.json"],
    );
    const left = await act(at.remote, clone, { ...inputs, commit: "false", args: "-o others" });
    assertEquals(left.steps.at(-1), ["commit", "skipped"]);
    assertEquals(left.outputs["committed"], "");
  },
);

Deno.test(
  { name: "action: invalid inputs are rejected, and inputs are not shell code", ignore },
  async () => {
    await using at = await place({ "/a.txt": "first\n" });
    const clone = await at.remote.clone("one");
    const table: [inputs: Record<string, string>, step: string, code: number, said: string][] = [
      [{ due: "maybe" }, "run", 2, "the input due is one of true, false"],
      [{ commit: "yes" }, "commit", 1, "the input commit is one of true, data"],
      [{ push: "" }, "commit", 1, "the input push is one of true, false"],
      [{ author: "me" }, "commit", 1, "the input author needs the form Name <address>"],
      [{ tasks: "$(touch '../pwned')" }, "run", 2, "no task"],
      [{ config: "'; touch ../pwned; '" }, "run", 2, "touch ../pwned"],
      [{ args: "; touch ../pwned" }, "run", 2, "no task"],
    ];
    for (const [inputs, step, code, said] of table) {
      const result = await act(at.remote, clone, inputs);
      assertEquals(result.codes[step], code, result.log);
      assertStringIncludes(result.log, said);
    }
    assertEquals(await Deno.stat(`${clone.path}/../pwned`).then(() => true, () => false), false);
  },
);

Deno.test(
  { name: "action: at a tag it runs the bundle, and loads no package", ignore },
  async () => {
    await using at = await place({ "/a.txt": "first\n" });
    const actionPath = await at.remote.folder("action");
    await Deno.copyFile(`${ACTION_PATH}/action.yml`, `${actionPath}/action.yml`);
    // As the release workflow does; without the sources, they cannot be what runs.
    await build(`${actionPath}/dist`);
    const { command } = manifest.tasks["build:action"];
    const [program, ...args] = command.replace("dist/", `${actionPath}/dist/`).split(" ");
    assertEquals(program, "deno");
    const bundled = await new Deno.Command(Deno.execPath(), { args, cwd: ACTION_PATH }).output();
    assertEquals(bundled.code, 0, new TextDecoder().decode(bundled.stderr));

    const clone = await at.remote.clone("one");
    const env = {
      DENO_DIR: await at.remote.folder("empty"),
      NPM_CONFIG_REGISTRY: "http://127.0.0.1:9",
      JSR_URL: "http://127.0.0.1:9",
    };
    const result = await act(at.remote, clone, {}, { actionPath, env });
    assertEquals([result.failed, result.outputs["committed"]], [false, "true"], result.log);
    assertEquals(await at.remote.file("data/a.txt"), "first\n");
    assertStringIncludes(result.summary, "<code>a.txt</code>");
  },
);

Deno.test("action.yml: every input is used, and passed to the shell as a variable", async () => {
  const action = await readAction();
  const text = await Deno.readTextFile(`${ACTION_PATH}/action.yml`);
  for (const name of Object.keys(action.inputs)) assert(text.includes(`inputs.${name}`), name);
  for (const step of action.runs.steps) assertEquals(step.run?.includes("${{") ?? false, false);
});
