// Row 113: a config names one of its own files, the state, or a git repository as a target.

import { assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import { ownFilesOf } from "../../lib/config/own_files.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { stateLocation, storeLocation } from "../helpers/open.ts";
import { load, loadInput, makeFiles, problemLinesOf } from "./loading.ts";

const URL = "https://example.org/x";

async function link(target: string, path: string): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const { success } = await new Deno.Command("ln", { args: ["-s", target, path] }).output();
  if (!success) throw new Error(`no link at ${path}`);
}

/** A config in `here/cronfetch.jsonc`, a forbidden `to`, and the reason in the message. */
const REFUSED: readonly (readonly [config: object, to: string, fault: string])[] = [
  [{ store: "." }, "cronfetch.jsonc", "it is the config"],
  [{ store: "." }, "CRONFETCH.jsonc", "it is the config"],
  [{ store: "." }, "cronfetch.yaml", "a config would be found under that name"],
  [{ store: ".." }, "here/cronfetch.jsonc", "it is the config"],
  [{ store: ".", state: "file:state.json" }, "state.json", "it is the state"],
  [{ store: ".", state: "file:state.json" }, "State.JSON.lock", "it belongs to the state"],
  [{ store: ".", state: "kv:x/s.db" }, "x/s.db-wal", "it belongs to the state"],
  [{ store: ".", state: "kv:x/s.db" }, "x", "the state is in a folder of that name"],
  [{ store: "sub" }, ".git/hooks/post-merge", "it is part of a git repository"],
  [{ store: "." }, ".GIT/{name}", "it is part of a git repository"],
  [{ store: "." }, "{date:YYYY}/.git/config", "it is part of a git repository"],
];

for (const [settings, to, fault] of REFUSED) {
  Deno.test(`row 113: to ${to} in ${JSON.stringify(settings)} is refused at load`, async () => {
    await using folder = await temporaryFolder();
    const config = { ...settings, tasks: [{ url: URL, to }] };
    await makeFiles(folder, { "here/cronfetch.jsonc": JSON.stringify(config) });
    const given = { files: [folder.file("here/cronfetch.jsonc")], cwd: folder.path };
    const problems = await problemLinesOf(load(given));
    assertEquals(problems.length, 1, problems.join("\n"));
    assertEquals(problems[0]?.includes(`: ${fault}`), true, problems[0]);
  });
}

Deno.test("row 113: the same names outside the store are allowed", async () => {
  await using folder = await temporaryFolder();
  const tasks = ["cronfetch.jsonc", "state.json", "sub/cronfetch.jsonc", ".gitignore"]
    .map((to) => ({ url: URL, to }));
  const config = { store: "files", state: "file:state.json", tasks };
  await makeFiles(folder, { "cronfetch.jsonc": JSON.stringify(config) });
  const loaded = await load({ files: [folder.file("cronfetch.jsonc")] });
  assertEquals(loaded.tasks.map(({ task }) => task.key), tasks.map(({ to }) => to));
});

Deno.test("row 113: a file named by its URL is refused", async () => {
  await using folder = await temporaryFolder();
  const config = { store: ".", tasks: ["https://example.org/cronfetch.jsonc"] };
  await makeFiles(folder, { "cronfetch.jsonc": JSON.stringify(config) });
  const [problem = ""] = await problemLinesOf(load({ files: [folder.file("cronfetch.jsonc")] }));
  assertEquals(problem.includes("it is the config"), true, problem);
});

Deno.test("row 113: a state set by a variable is protected", async () => {
  await using folder = await temporaryFolder();
  const [problem = ""] = await problemLinesOf(
    loadInput({ store: ".", tasks: [{ url: URL, to: "b/s.json" }] }, {
      env: { CRONFETCH_STATE: "file:b/s.json" },
      cwd: folder.path,
    }),
  );
  assertEquals(problem.includes("it is the state"), true, problem);
});

Deno.test({
  name: "row 113: ownFilesOf: resolves links to the store, the config and the state",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using folder = await temporaryFolder();
    const at = (name: string) => folder.file(name);
    await makeFiles(folder, { "real/conf/tasks.json": "{}", "real/var/s.json": "{}" });
    await link(at("real"), at("store-link"));
    await link(at("real/conf/tasks.json"), at("cronfetch.json"));
    await link(at("real/var"), at("var-link"));
    const own = (store: string, state: string) =>
      ownFilesOf({
        store: storeLocation(at(store)),
        state: stateLocation(state),
        files: [at("cronfetch.json")],
        hostFiles: [],
        secretFiles: [],
        manifest: false,
      })
        .map(({ key }) => key).sort();
    const state = `file:${at("var-link/s.json")}`;
    assertEquals(own("store-link", state), ["CONF/TASKS.JSON", "VAR/S.JSON"]);
    assertEquals(own("real", "memory:"), ["CONF/TASKS.JSON"]);
    assertEquals(own("store-link/conf", state), ["TASKS.JSON"]);
    // The link itself is also one of the files.
    assertEquals(own("", state).includes("CRONFETCH.JSON"), true);
    // A path that does not exist yet is resolved by its folder.
    assertEquals(own("store-link/var", `kv:${at("var-link/new/s.db")}`), ["NEW/S.DB"]);
    const inMemory = { store: { kind: "memory" }, state: stateLocation(state) } as const;
    assertEquals(
      ownFilesOf({
        ...inMemory,
        files: [at("cronfetch.json")],
        hostFiles: [],
        secretFiles: [],
        manifest: false,
      }),
      [],
    );
  },
});

const TASK_A = { url: URL, to: "a.csv" };

for (
  const to of [
    "a.csv.refused",
    "A.CSV.Refused",
    "a.20260115T060000123Z.csv",
    "a.20260115t060000123z.csv",
  ]
) {
  Deno.test(`row 114: ${to} beside a.csv is refused at load`, async () => {
    const tasks = [TASK_A, { url: URL, to }];
    for (const order of [tasks, tasks.toReversed()]) {
      const [problem = ""] = await problemLinesOf(loadInput({ tasks: order }));
      assertEquals(
        problem.includes("which is named like an older version or refused content of the file"),
        true,
        problem,
      );
    }
  });
}

Deno.test("row 114: names like versions of other files are allowed", async () => {
  const names = ["b.csv.refused", "b.20260115T060000123Z.csv", "a.2026.csv", "x/a.csv.refused"];
  const { tasks } = await loadInput({ tasks: [TASK_A, ...names.map((to) => ({ url: URL, to }))] });
  assertEquals(tasks.length, 5);
});
