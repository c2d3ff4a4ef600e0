/**
 * Checks that a release may be made of this checkout and its bundle, and prints the notes:
 *
 *     deno task release:check VERSION > notes.md
 *
 * The release workflow runs it before it publishes anything.
 */

import { join } from "@std/path";
import manifest from "../deno.json" with { type: "json" };
import { ROOT } from "./bundle/stage.ts";

/** What a release consists of. */
export interface ReleaseCandidate {
  /** The requested version. */
  readonly version: string;
  /** The one in `deno.json`. */
  readonly manifestVersion: string;
  /** The text of `CHANGELOG.md`. */
  readonly changelog: string;
  /** The existing tags. */
  readonly tags: readonly string[];
  /** What the bundle prints with `--version`. */
  readonly printedVersion: string;
}

/**
 * The reasons against a release; none if it may be made.
 *
 * @returns Sentences without a full stop.
 */
export function releaseProblems(candidate: ReleaseCandidate): string[] {
  const { version, manifestVersion, changelog, tags, printedVersion } = candidate;
  const [, printed, metadata = ""] = /^cronfetch ([^\s+]+)(?:\+(\S+))?\n$/.exec(printedVersion) ??
    [];
  const labels = metadata.split(".");
  return [
    ...(version === manifestVersion ? [] : [`deno.json has the version ${manifestVersion}`]),
    ...(tags.includes(`v${version}`) ? [`the tag v${version} exists`] : []),
    ...(notesOf(changelog, version) ? [] : [`CHANGELOG.md has no entries below ## [${version}]`]),
    ...(printed === version ? [] : [`the bundle prints ${JSON.stringify(printedVersion)}`]),
    ...(labels.includes("std-stand-ins")
      ? ["the bundle has the stand-ins for @std inside: build it where JSR is reachable"]
      : []),
  ];
}

/** The entries of a version in a changelog; empty if there are none. */
export function notesOf(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.startsWith(`[${version}]`)) ?? "";
  return section.slice(section.indexOf("\n") + 1).trim();
}

async function outputOf(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: ROOT,
  })
    .output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command} failed: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

async function check(version: string): Promise<void> {
  const candidate: ReleaseCandidate = {
    version,
    manifestVersion: manifest.version,
    changelog: await Deno.readTextFile(join(ROOT, "CHANGELOG.md")),
    tags: (await outputOf("git", ["tag", "--list"])).split("\n"),
    printedVersion: await outputOf(Deno.execPath(), [
      ...["run", "--quiet", "-P", join(ROOT, "dist", "main.js"), "--version"],
    ]),
  };
  const problems = releaseProblems(candidate);
  const [stream, text] = problems.length === 0
    ? [Deno.stdout, `${notesOf(candidate.changelog, version)}\n`]
    : [Deno.stderr, problems.map((problem) => `${problem}\n`).join("")];
  stream.writeSync(new TextEncoder().encode(text));
  Deno.exitCode = problems.length === 0 ? 0 : 1;
}

if (import.meta.main) await check(Deno.args[0] ?? "");
