/** The package for npm, as with nothing but Node: installed, started by npx, and as a library. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { build } from "../../tools/build.ts";
import { pack } from "../../tools/pack.ts";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";
import { type Origin, origin } from "../helpers/origin.ts";

/** A registry that refuses connections. */
const BLOCKED = { npm_config_registry: "http://127.0.0.1:9", npm_config_fetch_retries: "0" };

/** How a process ended. */
interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine with an installed package. */
interface Machine {
  readonly folder: TemporaryFolder;
  /** Path of the package. */
  readonly archive: string;
  /** Path of the installed command. */
  readonly program: string;
  /** The environment of the program. */
  readonly env: Readonly<Record<string, string>>;
  /** That of npm, which may need settings of this machine to reach its registry. */
  readonly npmEnv: Readonly<Record<string, string>>;
  readonly server: Origin;
}

const isOnline = await canReachRegistry();

Deno.test({
  name: "npm: the package runs where only Node is installed (skipped without npm's registry)",
  ignore: !isOnline && Deno.env.get("CI") === undefined,
  async fn(t) {
    await using folder = await temporaryFolder();
    await using server = origin({ "/a.csv": "a,b\n1,2\n" });
    const [dist, home] = [folder.file("dist"), folder.file("a home")];
    await Deno.mkdir(home);
    await build(dist);
    const archive = await pack(dist, folder.path);
    const env = {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: home,
      NO_PROXY: "127.0.0.1",
      GITHUB_ACTIONS: "",
    };
    const npmEnv = { ...env, ...Deno.env.toObject(), npm_config_cache: folder.file("cache") };
    const program = folder.file("a prefix/bin/cronfetch");
    const machine: Machine = { folder, archive, program, env, npmEnv, server };
    const steps = {
      install,
      runOnce,
      runByNpx,
      runModule,
      runByDoctor,
      runWithoutHome,
      exit,
      stop,
      useLibrary,
    };
    for (const [name, step] of Object.entries(steps)) {
      if (!await t.step(name, () => step(machine))) return;
    }
    await t.step("without Deno: names the reason", () => failWithoutDeno(machine));
  },
});

async function install({ folder, archive, npmEnv }: Machine): Promise<void> {
  const prefix = folder.file("a prefix");
  await Deno.mkdir(prefix);
  const args = ["install", "--global", "--ignore-scripts", "--prefix", prefix, archive];
  await timed("npm install", () => good("npm", args, folder.path, npmEnv));
}

async function runOnce(machine: Machine): Promise<void> {
  const cwd = await emptyFolder(machine);
  const { program, server } = machine;
  const env = { ...machine.env, ...BLOCKED };
  await timed("first run", () => good(program, ["run", `${server.origin}/a.csv`], cwd, env));
  assertEquals(await Deno.readTextFile(join(cwd, "downloads/a.csv")), "a,b\n1,2\n");
}

async function runByNpx(machine: Machine): Promise<void> {
  const cwd = await emptyFolder(machine);
  const { archive, npmEnv, server } = machine;
  const url = `${server.origin}/a.csv`;
  const npx = ["--yes", `--package=${archive}`, "cronfetch", "run", url, "-o"];
  await timed("npx, first", () => good("npx", [...npx, "first.csv"], cwd, npmEnv));
  const offline = { ...npmEnv, ...BLOCKED };
  await timed("npx, offline", () => good("npx", [...npx, "offline.csv"], cwd, offline));
  assertEquals(await Deno.readTextFile(join(cwd, "first.csv")), "a,b\n1,2\n");
  assertEquals(await Deno.readTextFile(join(cwd, "offline.csv")), "a,b\n1,2\n");
}

async function runModule(machine: Machine): Promise<void> {
  const cwd = await emptyFolder(machine);
  const { program, env, server } = machine;
  await good(program, ["init", "cronfetch.ts", `${server.origin}/a.csv`], cwd, env);
  const text = await Deno.readTextFile(join(cwd, "cronfetch.ts"));
  assertStringIncludes(text, 'import { defineConfig } from "cronfetch";');
  await good(program, ["run"], cwd, { ...env, ...BLOCKED });
  const second = await good(program, ["run"], cwd, { ...env, ...BLOCKED });
  assertStringIncludes(second.stderr, "unchanged  a.csv");
}

/** The command that doctor prints needs neither this folder nor `cronfetch` on `PATH`. */
async function runByDoctor(machine: Machine): Promise<void> {
  const cwd = await emptyFolder(machine);
  const { program, env, server } = machine;
  await good(program, ["init", `${server.origin}/a.csv`], cwd, env);
  const { stdout } = await good(program, ["doctor"], cwd, env);
  const [command = ""] = /^cd (?:.*\\\n)+.*$/m.exec(stdout) ?? [];
  const elsewhere = await emptyFolder(machine);
  await good("/bin/sh", ["-c", command], elsewhere, { PATH: "/usr/bin:/bin" });
  assertEquals(await Deno.readTextFile(join(cwd, "downloads/a.csv")), "a,b\n1,2\n");
}

async function runWithoutHome(machine: Machine): Promise<void> {
  const cwd = await emptyFolder(machine);
  const { program, server } = machine;
  const env = { PATH: machine.env["PATH"] ?? "" };
  await good(program, ["run", "-q", `${server.origin}/a.csv`], cwd, env);
  // A user id without a user has no home folder at all; only root can become one.
  if (Deno.uid() !== 0) return;
  await Deno.chmod(machine.folder.path, 0o755);
  await Deno.chmod(cwd, 0o777);
  const user = ["--reuid", "54321", "--regid", "54321", "--clear-groups"];
  const args = [...user, program, "run", "-q", "-o", "other", `${server.origin}/a.csv`];
  await good("setpriv", args, cwd, env);
}

async function exit(machine: Machine): Promise<void> {
  const cwd = await emptyFolder(machine);
  const { program, env, server } = machine;
  const missing = ["run", "-q", `${server.origin}/missing.csv`];
  assertEquals((await ended(program, missing, cwd, env)).code, 3);
  const usage = await ended(program, ["run", "--unknown"], cwd, env);
  assertEquals([usage.code, usage.stdout], [2, ""]);
  assertStringIncludes(usage.stderr, 'unknown option "--unknown"');
}

/** A signal reaches the program, which cancels its tasks; the exit code is passed on. */
async function stop(machine: Machine): Promise<void> {
  const cwd = await emptyFolder(machine);
  const requested = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using server = origin({
    "/slow.csv": () => {
      requested.resolve();
      return answer.promise;
    },
  });
  await using child = new Deno.Command(machine.program, {
    args: ["run", `${server.origin}/slow.csv`],
    cwd,
    env: { ...machine.env },
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  await requested.promise;
  child.kill("SIGTERM");
  const { code } = await child.status;
  answer.resolve(new Response("late"));
  assertEquals(code, 143);
  assertMatch(await stderr, /cancelled +slow\.csv/);
}

async function useLibrary(machine: Machine): Promise<void> {
  const cwd = await emptyFolder(machine);
  const { archive, npmEnv, server } = machine;
  await Deno.writeTextFile(join(cwd, "package.json"), `{ "type": "module" }`);
  await good("npm", ["install", "--silent", archive], cwd, npmEnv);
  const config = `{ store: "memory:", state: "memory:", tasks: ["${server.origin}/a.csv"] }`;
  const use = `const report = await run(${config});\nconsole.log(report.summary.exitCode);\n`;
  const typed = `import { run, type RunReport } from "cronfetch";
    const check: (report: RunReport) => number = ({ summary }) => summary.exitCode;\n`;
  await Deno.writeTextFile(join(cwd, "use.ts"), `${typed}${use}check(report);\n`);
  const flags = ["deno", "run", "--quiet", "--check", "--allow-all", "--unstable-kv"];
  assertEquals((await good("npx", [...flags, "use.ts"], cwd, npmEnv)).stdout, "0\n");
  await Deno.writeTextFile(join(cwd, "wrong.ts"), `${typed}check("wrong");\n`);
  assertMatch((await ended("npx", [...flags, "wrong.ts"], cwd, npmEnv)).stderr, /TS2345/);
  await Deno.writeTextFile(join(cwd, "use.js"), `import { run } from "cronfetch";\n${use}`);
  const inNode = await ended("node", ["use.js"], cwd, npmEnv);
  assertStringIncludes(inNode.stderr, "The library of cronfetch needs Deno");
  assertEquals(inNode.code, 1);
}

async function failWithoutDeno(machine: Machine): Promise<void> {
  const cwd = await emptyFolder(machine);
  const modules = machine.folder.file("a prefix/lib/node_modules/cronfetch/node_modules");
  await Deno.remove(join(modules, "@deno"), { recursive: true });
  const { code, stderr } = await ended(machine.program, ["--version"], cwd, machine.env);
  assertMatch(stderr, /^error: npm has not installed @deno\/.*\nhint: .*--include=optional\n$/);
  assertEquals(code, 2);
}

async function emptyFolder({ folder }: Machine): Promise<string> {
  return await Deno.makeTempDir({ dir: folder.path, prefix: "an empty folder " });
}

/** Runs a program with no other variables than these. */
async function ended(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    clearEnv: true,
    env: { ...env },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function good(...command: Parameters<typeof ended>): Promise<Ended> {
  const result = await ended(...command);
  assertEquals(result.code, 0, `${command[0]} ${command[1].join(" ")}: ${result.stderr}`);
  return result;
}

async function timed<T>(what: string, action: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const result = await action();
  const line = `${what}: ${Math.round(performance.now() - startMs)} ms\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
  return result;
}

async function canReachRegistry(): Promise<boolean> {
  try {
    const args = ["view", "--silent", `deno@${Deno.version.deno}`, "version"];
    return (await new Deno.Command("npm", { args }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
