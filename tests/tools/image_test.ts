// The container image of the example: its files in a folder like the image, its commands from there.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { parse } from "yaml";
import { build } from "../../tools/build.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import { listOf, parseDockerfile, textsOf, variablesOf } from "./dockerfile.ts";

const EXAMPLE = fromFileUrl(new URL("../../examples/container/", import.meta.url));
const instructions = parseDockerfile(await Deno.readTextFile(join(EXAMPLE, "Dockerfile")));

Deno.test("image: a pinned base, a user without rights, volumes, the page's port", async () => {
  const workflow = await Deno.readTextFile(
    new URL("../../.github/workflows/ok.yml", import.meta.url),
  );
  const [, version] = /deno-version: v(\S+)/.exec(workflow) ?? [];
  assertEquals(textsOf(instructions, "FROM"), [`denoland/deno:${version}`]);
  const names = instructions.map(({ name }) => name);
  assertEquals(textsOf(instructions, "USER"), ["1993:1993"]);
  // Everything that the program may write is made before it loses the rights to.
  assert(names.indexOf("USER") > names.lastIndexOf("RUN"));
  assert(names.indexOf("USER") > names.lastIndexOf("COPY"));
  const volumes = listOf(instructions, "VOLUME");
  const written = `--allow-write=${volumes.join(",")}`;
  assert(listOf(instructions, "ENTRYPOINT").includes(written));
  for (const volume of volumes) assertMatch(textsOf(instructions, "RUN")[0] ?? "", RegExp(volume));
  assertEquals(textsOf(instructions, "EXPOSE"), ["8788"]);
  // Only the bundle is sent to the builder.
  const ignored = await Deno.readTextFile(join(EXAMPLE, "Dockerfile.dockerignore"));
  assertEquals(ignored, "*\n!dist\n");
});

Deno.test("image: compose mounts its volumes, and publishes the page on this machine", async () => {
  const compose = parse(await Deno.readTextFile(join(EXAMPLE, "compose.yaml")));
  const { cronfetch } = compose.services;
  const root = join(EXAMPLE, cronfetch.build.context);
  await Deno.stat(join(root, "deno.json"));
  await Deno.stat(join(root, cronfetch.build.dockerfile));
  const mounts = (cronfetch.volumes as string[]).map((mount) => mount.split(":"));
  const volumes = listOf(instructions, "VOLUME");
  assertEquals(mounts.map(([, target]) => target), [
    textsOf(instructions, "WORKDIR")[0],
    ...volumes,
  ]);
  assertEquals(mounts.slice(1).map(([name]) => name), Object.keys(compose.volumes));
  assertEquals(cronfetch.ports, [`127.0.0.1:8788:${textsOf(instructions, "EXPOSE")[0]}`]);
  const grace = listOf(instructions, "CMD").at(-1) ?? "";
  assert(Number.parseInt(grace) < Number.parseInt(cronfetch.stop_grace_period));
});

Deno.test({
  name: "image: serves, is healthy, and stops on SIGTERM; doctor's command runs",
  ignore: Deno.build.os === "windows",
}, async () => {
  await using folder = await temporaryFolder();
  await using server = origin({ "/a.txt": "a\n" });
  /** A path or an argument of the image, below the folder. */
  const placed = (text: string) =>
    text.replace(/\/(?:opt|config|files|state)\b/g, (path) => `${folder.path}${path}`);
  await Deno.mkdir(placed("/opt"));
  const [from, to = "", ...others] = textsOf(instructions, "COPY").join(" ").split(" ");
  assertEquals([from, others], ["dist/", []]);
  await build(placed(to));
  const cwd = placed(textsOf(instructions, "WORKDIR").at(-1) ?? "");
  for (const path of [cwd, ...listOf(instructions, "VOLUME").map(placed)]) await Deno.mkdir(path);
  await Deno.writeTextFile(
    join(cwd, "cronfetch.jsonc"),
    JSON.stringify({
      store: "elsewhere",
      schedule: "every 24h",
      tasks: [`${server.origin}/a.txt`],
    }),
  );
  const variables = Object.entries(variablesOf(instructions));
  const env = {
    ...Object.fromEntries(variables.map(([name, value]) => [name, placed(value)])),
    GITHUB_ACTIONS: "",
    NO_PROXY: "127.0.0.1",
  };
  const [deno, ...entrypoint] = listOf(instructions, "ENTRYPOINT").map(placed);
  assertEquals(deno, "deno");
  const command = (args: readonly string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: [...entrypoint, ...args],
      cwd,
      env,
      stdout: "piped",
      stderr: "piped",
    });

  const words = listOf(instructions, "CMD");
  assertEquals(words[0], "serve");
  const local = words.map((word) => word === "0.0.0.0" ? "127.0.0.1" : word);
  const child = command([...local, "--port", "0"]).spawn();
  const stdout = new Response(child.stdout).text();
  let said = "";
  let ended = false;
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
    ended = true;
  })();
  const until = async (isTrue: () => boolean) => {
    while (!isTrue() && !ended) await new Promise((done) => setTimeout(done, 20));
    if (ended) throw new Error(`serve ended: ${said}`);
  };
  await until(() => /127\.0\.0\.1:\d+\//.test(said));
  const [, port = ""] = /127\.0\.0\.1:(\d+)\//.exec(said) ?? [];
  const isHealthy = async () => {
    const [program = "", ...words] = listOf(instructions, "HEALTHCHECK");
    const args = words.map((word) =>
      word === "deno" ? Deno.execPath() : word.replace("8788", port)
    );
    // The proxy that a container is given does not reach the container itself.
    const behindProxy = { ...env, HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "" };
    const { success } = await new Deno.Command(program, { args, env: behindProxy }).output();
    return success;
  };
  assertEquals(await isHealthy(), true);
  await until(() => server.hits() > 0);
  child.kill("SIGTERM");
  await reading;
  assertEquals((await child.status).code, 143, said + await stdout);
  assertEquals(await isHealthy(), false);
  assertEquals(await tree(placed("/files")), { "a.txt": "a\n" });
  assertEquals((await Array.fromAsync(Deno.readDir(cwd))).length, 1);

  const { code, stderr } = await command(["doctor", "--json"]).output();
  const { stdout: rows } = await command(["doctor", "--json"]).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const last = JSON.parse(new TextDecoder().decode(rows).trimEnd().split("\n").at(-1) ?? "");
  const [, ...printed] = last.command as string[];
  assert(printed.includes(placed("/opt/cronfetch/main.js")));
  const ran = await new Deno.Command(Deno.execPath(), { args: printed, cwd: last.folder, env })
    .output();
  assertEquals(ran.code, 0, new TextDecoder().decode(ran.stderr));
});
