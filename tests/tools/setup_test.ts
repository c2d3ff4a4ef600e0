import { assertEquals, assertMatch } from "@std/assert";
import { exists } from "@std/fs";
import { fromFileUrl } from "@std/path";
import manifest from "../../deno.json" with { type: "json" };
import { jsrImports, loads, mirror } from "../../tools/setup.ts";

/** Calls `test` with a temporary folder. */
async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes two packages of two files each. */
async function writePackages(folder: string): Promise<void> {
  for (const name of ["one", "two"]) {
    await Deno.mkdir(`${folder}/${name}`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${name}/deno.json`, `{ "name": "${name}" }`);
    await Deno.writeTextFile(`${folder}/${name}/mod.ts`, `export const name = "${name}";`);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.map((entry) => entry.name).sort();
}

Deno.test("jsrImports: the jsr: imports of deno.json", () => {
  const imports = { a: "jsr:@std/a@^1", b: "npm:b@1.0.0", c: "./c.ts" };
  assertEquals(jsrImports(JSON.stringify({ imports })), ["jsr:@std/a@^1"]);
});

Deno.test("loads: whether all modules load before the timeout", async (t) => {
  const module = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`;
  const late = module("await new Promise((resolve) => setTimeout(resolve, 200))");
  const table: [name: string, modules: string[], loaded: boolean][] = [
    ["none", [], true],
    ["sound ones", [module("export const a = 1"), module("export const b = 2")], true],
    ["one that fails", [module("export const a = 1"), module("throw new Error()")], false],
    ["one that is late", [late], false],
  ];
  for (const [name, modules, loaded] of table) {
    await t.step(name, async () => assertEquals(await loads(modules, 50), loaded));
  }
  await import(late);
});

Deno.test("mirror: writes missing and different files only", () =>
  withFolder(async (folder) => {
    const [source, target] = [`${folder}/source`, `${folder}/target`];
    await writePackages(source);
    assertEquals(await mirror(source, target), 4);
    assertEquals(await mirror(source, target), 0);
    await Deno.writeTextFile(`${target}/one/mod.ts`, "export const name = 1;");
    await Deno.remove(`${target}/two`, { recursive: true });
    assertEquals(await mirror(source, target), 3);
    assertEquals(await Deno.readTextFile(`${target}/one/mod.ts`), `export const name = "one";`);
    assertEquals(await namesIn(`${target}/two`), ["deno.json", "mod.ts"]);
  }));

Deno.test("mirror: concurrent calls leave one complete copy", () =>
  withFolder(async (folder) => {
    const [source, target] = [`${folder}/source`, `${folder}/target`];
    await writePackages(source);
    await Promise.all([mirror(source, target), mirror(source, target), mirror(source, target)]);
    assertEquals(await namesIn(`${target}/one`), ["deno.json", "mod.ts"]);
    assertEquals(await mirror(source, target), 0);
  }));

Deno.test("stand-ins: match the imports of deno.json", async () => {
  for (const [name, specifier] of Object.entries(manifest.imports)) {
    if (!specifier.startsWith("jsr:")) continue;
    const folder = new URL(
      `../../tools/std_stand_ins/${name.replace("@std/", "")}/`,
      import.meta.url,
    );
    const { version, ...rest } = JSON.parse(await Deno.readTextFile(new URL("deno.json", folder)));
    assertEquals(rest, { name, exports: "./mod.ts" });
    assertEquals(specifier, `jsr:${name}@^${version}`);
  }
});

const MODULE = new TextEncoder().encode("export const a = 1;\n");

/** A registry like JSR with one package, which fails while it is down. */
async function registry(isUp: () => boolean): Promise<Deno.HttpServer<Deno.NetAddr>> {
  const checksum = `sha256-${
    new Uint8Array(await crypto.subtle.digest("SHA-256", MODULE)).toHex()
  }`;
  const files: Record<string, BodyInit> = {
    "/@std/a/meta.json": JSON.stringify({ latest: "1.0.0", versions: { "1.0.0": {} } }),
    "/@std/a/1.0.0_meta.json": JSON.stringify({
      manifest: { "/mod.ts": { size: MODULE.length, checksum } },
      exports: { ".": "./mod.ts" },
    }),
    "/@std/a/1.0.0/mod.ts": MODULE,
  };
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const file = files[new URL(request.url).pathname];
    if (!isUp() || file === undefined) return new Response(null, { status: 403 });
    return new Response(file, { headers: { "content-type": "text/plain" } });
  });
}

Deno.test("setup: copies the stand-ins while JSR is unreachable, and logs it once", () =>
  withFolder(async (folder) => {
    let up = false;
    await using server = await registry(() => up);
    await writePackages(`${folder}/tools/std_stand_ins`);
    const imports = { "@std/a": "jsr:@std/a@^1.0.0" };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports }));
    const setup = async (expected = 0, rights = ["--allow-write=.offline"]) => {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--quiet",
          "--no-config",
          "--no-lock",
          "--allow-read=.",
          ...rights,
          fromFileUrl(new URL("../../tools/setup.ts", import.meta.url)),
        ],
        cwd: folder,
        env: { DENO_DIR: `${folder}/cache`, JSR_URL: `http://127.0.0.1:${server.addr.port}/` },
      }).output();
      const said = new TextDecoder().decode(stderr).trim();
      assertEquals(code, expected, said);
      return { said, standsIn: await exists(`${folder}/.offline/two/deno.json`) };
    };
    const outcomes = {
      standsIn: {
        said:
          "setup: JSR is unreachable; copied the stand-ins of @std from tools/std_stand_ins/ to .offline/",
        standsIn: true,
      },
      gone: {
        said: "setup: JSR is reachable again; removed the stand-ins in .offline/",
        standsIn: false,
      },
      stays: { said: "", standsIn: true },
      needsNothing: { said: "", standsIn: false },
    };
    // A user without write permission.
    assertMatch((await setup(1, [])).said, /^setup: JSR .*\nsetup: run .* as the owner .*$/);
    assertEquals(await setup(), outcomes.standsIn);
    await Deno.utime(`${folder}/.offline`, 0, 0);
    assertEquals(await setup(0, []), outcomes.stays, "what is whole needs no writing");
    await Deno.writeTextFile(`${folder}/.offline/one/mod.ts`, "");
    assertMatch((await setup(1, [])).said, /stand-ins cannot be written/);
    assertEquals(await setup(), outcomes.standsIn);
    up = true;
    assertEquals(await setup(), outcomes.stays, "JSR is not asked again at once");
    await Deno.utime(`${folder}/.offline`, 0, 0);
    assertEquals(await setup(0, []), outcomes.stays, "others may not take it away");
    assertEquals(await setup(), outcomes.gone);
    up = false;
    assertEquals(await setup(), outcomes.needsNothing, "what is cached needs no JSR");
  }));
