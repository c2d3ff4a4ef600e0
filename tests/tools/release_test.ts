import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "yaml";
import manifest from "../../deno.json" with { type: "json" };
import { notesOf, type ReleaseCandidate, releaseProblems } from "../../tools/release.ts";

const CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-01-15\n\n### Added\n\n" +
  "- A.\n\n## [1.1.0]\n\n- B.\n\n## [1.0.0]\n";

const GOOD: ReleaseCandidate = {
  version: "1.2.0",
  manifestVersion: "1.2.0",
  changelog: CHANGELOG,
  tags: ["v1.1.0", ""],
  printedVersion: "cronfetch 1.2.0+0123456789\n",
};

Deno.test("releaseProblems: each reason against a release", () => {
  const standIns = "the bundle has the stand-ins for @std inside: build it where JSR is reachable";
  const table: [name: string, changes: Partial<ReleaseCandidate>, problems: string[]][] = [
    ["none", {}, []],
    ["no commit", { printedVersion: "cronfetch 1.2.0\n" }, []],
    ["another version", { manifestVersion: "1.3.0" }, ["deno.json has the version 1.3.0"]],
    ["a tag", { tags: ["v1.2.0"] }, ["the tag v1.2.0 exists"]],
    ["an older bundle", { printedVersion: "cronfetch 1.1.0\n" }, [
      'the bundle prints "cronfetch 1.1.0\\n"',
    ]],
    ["stand-ins", { printedVersion: "cronfetch 1.2.0+std-stand-ins\n" }, [standIns]],
    ["stand-ins and commit", { printedVersion: "cronfetch 1.2.0+0123456789.std-stand-ins\n" }, [
      standIns,
    ]],
    ["no notes", { changelog: "## [Unreleased]\n\n- A.\n" }, [
      "CHANGELOG.md has no entries below ## [1.2.0]",
    ]],
    ["no version", { version: "" }, [
      "deno.json has the version 1.2.0",
      "CHANGELOG.md has no entries below ## []",
      'the bundle prints "cronfetch 1.2.0+0123456789\\n"',
    ]],
  ];
  for (const [name, changes, problems] of table) {
    assertEquals(releaseProblems({ ...GOOD, ...changes }), problems, name);
  }
});

Deno.test("notesOf: the entries of one version", () => {
  assertEquals(notesOf(CHANGELOG, "1.2.0"), "### Added\n\n- A.");
  assertEquals(notesOf(CHANGELOG, "1.1.0"), "- B.");
  assertEquals(notesOf(CHANGELOG, "1.0.0"), "");
  assertEquals(notesOf(CHANGELOG, "1"), "");
});

interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions: Readonly<Record<string, string>>;
  readonly "timeout-minutes": number;
  readonly steps: readonly {
    readonly uses?: string;
    readonly run?: string;
    readonly env?: Readonly<Record<string, unknown>>;
    readonly with?: Readonly<Record<string, unknown>>;
  }[];
}

const read = async (name: string) =>
  parse(await Deno.readTextFile(new URL(`../../.github/workflows/${name}`, import.meta.url)));

Deno.test("release.yml: nothing is published before the checks, with the least permissions", async () => {
  const workflow = await read("release.yml");
  assertEquals(workflow.permissions, {});
  assertEquals(Object.keys(workflow.on), ["workflow_dispatch"]);
  const jobs: Record<string, Job> = workflow.jobs;
  const attesting = { "id-token": "write", attestations: "write" };
  assertEquals(
    Object.fromEntries(Object.entries(jobs).map(([name, { permissions }]) => [name, permissions])),
    {
      build: { contents: "read" },
      tag: { contents: "write" },
      npm: { "id-token": "write" },
      jsr: { contents: "read", "id-token": "write" },
      image: { contents: "read", packages: "write", ...attesting },
      binaries: { contents: "read", ...attesting },
      notes: { contents: "write" },
    },
  );
  for (const [name, job] of Object.entries(jobs)) {
    const needs = [job.needs ?? []].flat();
    for (const other of needs) assert(other in jobs, other);
    assert(name === "build" || needs.includes("tag") || needs.includes("build"), name);
    assert(job["timeout-minutes"] > 0);
  }
  const commands = jobs["build"]?.steps.flatMap(({ run }) => run ?? []) ?? [];
  const at = (text: string) => commands.findIndex((command) => command.includes(text));
  assert(0 < at("deno task ok"));
  assert(at("deno task ok") < at("pack:npm") && at("pack:npm") < at("build:action"));
  assert(at("build:action") < at("release:check"));
  // The same tests as of a local bundle; the task would build it again.
  assert(at(manifest.tasks.dist.command) > at("build:action"), "the bundle is not tested");
  assert(at("tests/heavy/npm_heavy.ts") > 0, "the package is not installed and run");
});

Deno.test("workflows: pinned actions, tasks that exist, and no expression in a script", async () => {
  const versions = new Map<string, string>();
  for (const name of ["ok.yml", "release.yml"]) {
    const jobs: Record<string, Job> = (await read(name)).jobs;
    for (const step of Object.values(jobs).flatMap(({ steps }) => steps)) {
      if (step.uses !== undefined) {
        assertMatch(step.uses, /^[\w-]+\/[\w-]+@v\d+$/);
        const [action = "", version = ""] = step.uses.split("@");
        assertEquals(versions.get(action) ?? version, version, action);
        versions.set(action, version);
        if (action === "docker/build-push-action") {
          // The download of all artifacts fails on its record, which is no zip archive.
          assertEquals(step.env, { DOCKER_BUILD_RECORD_UPLOAD: false });
        }
        if (action === "denoland/setup-deno") {
          assertEquals(step.with, { "deno-version": "v2.9.6" });
        }
      }
      assertEquals(step.run?.includes("${{") ?? false, false, step.run);
      for (const [, task = ""] of step.run?.matchAll(/deno task (?:--quiet )?([\w:]+)/g) ?? []) {
        assert(task in manifest.tasks, task);
      }
    }
  }
});
