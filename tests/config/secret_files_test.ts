// Secrets in files: ${file:PATH}.

import { assertEquals, assertMatch } from "@std/assert";
import { createRedactor, createUrlRedactor, redactUrl } from "../../lib/config/secrets.ts";
import { tasksOf } from "../../lib/config/config.ts";
import { configFiles, loadConfig, openConfigSource } from "../../lib/config/load.ts";
import { placeholderOf, readSecretFile, showPlaceholders } from "../../lib/config/variables.ts";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { AT, errorOf, load, makeFiles, problemLinesOf } from "./loading.ts";

const { signal } = new AbortController();

/** Writes `conf/cronfetch.json` and loads it from the folder above. */
async function loadIn(
  folder: TemporaryFolder,
  config: object,
  given: Parameters<typeof load>[0] = {},
) {
  const text = JSON.stringify({ state: "memory:", store: "..", ...config });
  await makeFiles(folder, { "conf/cronfetch.json": text });
  return await load({ files: [folder.file("conf/cronfetch.json")], cwd: folder.path, ...given });
}

const withHeader = (authorization: string) => ({
  tasks: [{ url: "https://x.example/a", headers: { authorization } }],
});

Deno.test("loadConfig: a secret file is relative to the config, without one line end", async () => {
  const table: [content: string, header: string][] = [
    ["hush-hush", "hush-hush"],
    ["hush-hush\n", "hush-hush"],
    ["hush-hush\r\n", "hush-hush"],
    ["\ufeffhush-hush", "hush-hush"],
    ["x".repeat(64 * 1024), "x".repeat(64 * 1024)],
  ];
  for (const [content, header] of table) {
    await using folder = await temporaryFolder();
    await makeFiles(folder, { "conf/my secrets/token": content });
    const config = await loadIn(folder, withHeader("Bearer ${file:my secrets/token}"));
    assertEquals(config.tasks[0]?.task.headers, { authorization: `Bearer ${header}` });
    assertEquals(config.secretFiles, [folder.file("conf/my secrets/token")]);
    const redact = createRedactor(config.secrets);
    assertEquals(redact(`a ${header} b`), "a *** b");
    const basic = redact(btoa(`me:${header}`));
    assertEquals([basic.includes("***"), basic.length < 16], [true, true]);
  }
});

Deno.test("row 92: loadConfig: a secret file without a secret is missing, with its path", async () => {
  const table: [content: string | Uint8Array<ArrayBuffer> | null, reason: RegExp][] = [
    [null, /^.*needs the file "\S+\/conf\/token", which does not exist/],
    ["", /"\S+token", which is empty/],
    ["\n", /"\S+token", which is empty/],
    ["x".repeat(64 * 1024 + 1), /"\S+token", which is larger than 64 KiB/],
    [new Uint8Array([0x68, 0xff]), /"\S+token", which is not text in UTF-8/],
  ];
  for (const [content, reason] of table) {
    await using folder = await temporaryFolder();
    await Deno.mkdir(folder.file("conf"));
    if (typeof content === "string") await makeFiles(folder, { "conf/token": content });
    else if (content !== null) await Deno.writeFile(folder.file("conf/token"), content);
    const { problems } = await errorOf(loadIn(folder, withHeader("${file:token}")));
    assertEquals(problems.map(({ code }) => code), ["config.missing-secret"]);
    assertMatch(problems[0]?.message ?? "", reason);
  }
});

Deno.test("row 92: loadConfig: a folder has no secret", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.file("conf/token"), { recursive: true });
  const [problem = ""] = await problemLinesOf(loadIn(folder, withHeader("${file:token}")));
  assertMatch(problem, /"\S+token", which is not a file/);
});

Deno.test({
  name: "row 92: readSecretFile: a file that Deno may not read is missing, with the permission",
  permissions: { read: false },
  fn: () => {
    const { problem } = readSecretFile("/run/secrets/token");
    assertEquals(problem, {
      message: 'needs the file "/run/secrets/token", which Deno may not read',
      hint: "add the permission --allow-read=/run/secrets/token",
    });
  },
});

Deno.test("loadConfig: a secret file in every place where variables are substituted", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, {
    "conf/s/pw": "p/w:d #{1}\n",
    "conf/s/base": "https://b.example/",
    "conf/s/name": "s.json",
  });
  const { tasks, alerts, hosts, state, secrets } = await loadIn(folder, {
    state: "file:${file:s/name}",
    hosts: { "x.example": { proxy: "http://me:${file:s/pw}@proxy.example:3128" } },
    alerts: [{ webhook: "${file:s/base}hook", headers: { "x-key": "${file:s/pw}" } }],
    tasks: [{
      url: "https://${file:s/pw}:${file:s/pw}@x.example/a",
      mirrors: ["${file:s/base}b?t=${file:s/pw}"],
      to: "a",
      expect: { sha256: { url: "${file:s/base}SUMS" } },
      transform: { command: ["cat"], env: { TOKEN: "${file:s/pw}" } },
    }],
  });
  const [task] = tasksOf({ tasks } as Parameters<typeof tasksOf>[0], AT);
  assertEquals(task?.url, "https://p%2Fw%3Ad%20%23%7B1%7D:p%2Fw%3Ad%20%23%7B1%7D@x.example/a");
  assertEquals(task?.mirrors, ["https://b.example/b?t=p/w:d%20%23{1}"]);
  assertEquals(task?.expect.sha256, { url: "https://b.example/SUMS", name: null });
  assertEquals(task?.transform?.env, { TOKEN: "p/w:d #{1}" });
  assertEquals(alerts.map((alert) => alert.kind === "webhook" ? [alert.url, alert.headers] : []), [
    ["https://b.example/hook", { "x-key": "p/w:d #{1}" }],
  ]);
  assertEquals(hosts[0]?.settings.proxy, "http://me:p%2Fw%3Ad%20%23%7B1%7D@proxy.example:3128/");
  assertEquals(state, { kind: "file", path: folder.file("conf/s.json") });
  const show = createUrlRedactor(secrets);
  for (const text of [task?.url, ...task?.mirrors ?? [], "x p/w:d #{1}", btoa("p/w:d #{1}")]) {
    assertEquals(/1%7D|1\}|cC93|v3Op/.test(show(text ?? "")), false, show(text ?? ""));
  }
});

Deno.test("row 113: no task may write to a secret file, in any place of the config", async () => {
  const places: Record<string, object> = {
    header: { headers: { "x-key": "${file:token}" } },
    url: { url: "https://x.example/?key=${file:token}" },
  };
  for (const [place, options] of Object.entries(places)) {
    await using folder = await temporaryFolder();
    await makeFiles(folder, { "conf/token": "hush-hush" });
    const task = { url: "https://x.example/a", to: "conf/TOKEN", ...options };
    const [problem = ""] = await problemLinesOf(loadIn(folder, { tasks: [task] }));
    assertMatch(problem, /writes "conf\/TOKEN": it is a secret of the config/, place);
  }
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "conf/token": "hush-hush" });
  const alerts = [{ webhook: "https://x.example/${file:token}" }];
  const tasks = [{ url: "https://x.example/a", to: "conf/token/a" }];
  const [problem = ""] = await problemLinesOf(loadIn(folder, { alerts, tasks }));
  assertMatch(problem, /it is a secret of the config, and no folder/);
});

Deno.test("loadConfig: a name that depends on a secret file is refused", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "conf/token": "hush-hush" });
  const [problem = ""] = await problemLinesOf(
    loadIn(folder, { tasks: ["https://x.example/${file:token}"] }),
  );
  assertMatch(problem, /would put a secret into the name of the file/);
  const [name = ""] = await problemLinesOf(
    loadIn(folder, { tasks: [{ url: "https://x.example/", to: "{file:token}" }] }),
  );
  assertMatch(name, /contains a secret file, which only URLs and headers may/);
});

Deno.test("loadConfig: with placeholders, a missing secret file is shown as written", async () => {
  await using folder = await temporaryFolder();
  const config = await loadIn(folder, {
    tasks: [{ url: "https://me:${file:s/pw}@x.example/?t=${file:s/t}", to: "a" }],
  }, { unsetSecrets: "placeholder" });
  assertEquals(config.unsetSecrets.toSorted(), ["file:s/pw", "file:s/t"]);
  const shown = redactUrl(config.tasks[0]?.task.url ?? "");
  assertEquals(shown, "https://***:${file:s/pw}@x.example/?t=${file:s/t}");
  assertEquals(showPlaceholders(placeholderOf("file:ü/ä b", "x", "")), "${file:ü/ä b}");
  // The state is required by every command.
  const { problems } = await errorOf(
    loadIn(folder, { state: "file:${file:nope}" }, { unsetSecrets: "placeholder" }),
  );
  assertEquals(problems.map(({ code }) => code), ["config.missing-secret"]);
});

Deno.test("changed: detects a changed, a missing and a new secret file", async () => {
  await using folder = await temporaryFolder();
  const text = JSON.stringify({ state: "memory:", ...withHeader("${file:token}") });
  await makeFiles(folder, { "cronfetch.json": text, token: "first\n" });
  const host = testHost({ cwd: folder.path });
  const request = { files: [], urls: [], overrides: {}, at: host.clock.now() };
  const source = await openConfigSource({
    load: (reload, beforeRead) => loadConfig({ ...request, reload, beforeRead }, host),
    files: () => configFiles(request, host),
    timers: host.timers,
  });
  const next = async () =>
    (await source.changed(signal))?.tasks[0]?.task.headers["authorization"] ?? null;
  assertEquals([source.first.tasks[0]?.task.headers["authorization"], await next()], [
    "first",
    null,
  ]);
  await makeFiles(folder, { token: "second one\n" });
  assertEquals([await next(), await next()], ["second one", null]);
  await Deno.remove(folder.file("token"));
  const { problems } = await errorOf(next());
  assertEquals([problems[0]?.code, await next()], ["config.missing-secret", null]);
  await makeFiles(folder, { token: "third\n" });
  assertEquals([await next(), await next()], ["third", null]);
});
