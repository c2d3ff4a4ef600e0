import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import manifest from "../../deno.json" with { type: "json" };
import { versionIn } from "../../lib/cli/version.ts";
import { temporaryFolder } from "../helpers/folder.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const OTHER = COMMIT.replace("0", "f");

/** Files of a folder that contains the checkout `root`; and whether the commit is found. */
const LAYOUTS: [name: string, files: Readonly<Record<string, string>>, isFound: boolean][] = [
  ["no repository", { "root/lib/mod.ts": "" }, false],
  ["a branch", {
    "root/.git/HEAD": "ref: refs/heads/main\n",
    "root/.git/refs/heads/main": `${COMMIT}\n`,
    "root/.git/packed-refs": `${OTHER} refs/heads/main\n`,
  }, true],
  ["a packed branch", {
    "root/.git/HEAD": "ref: refs/heads/main\n",
    "root/.git/packed-refs":
      `# pack-refs with: peeled\n${OTHER} refs/heads/other\n${COMMIT} refs/heads/main\n` +
      `${OTHER} refs/tags/v1\n^${OTHER}\n`,
  }, true],
  ["a tag, without a branch", { "root/.git/HEAD": `${COMMIT}\n` }, true],
  ["a branch without commits", { "root/.git/HEAD": "ref: refs/heads/main\n" }, false],
  ["an unknown format", { "root/.git/HEAD": "ref: refs/heads/.invalid\n" }, false],
  ["a damaged branch", {
    "root/.git/HEAD": "ref: refs/heads/main\n",
    "root/.git/refs/heads/main": "0123\n",
  }, false],
  ["a linked worktree", {
    "root/.git": "gitdir: ../main/.git/worktrees/root\n",
    "main/.git/worktrees/root/HEAD": "ref: refs/heads/topic\n",
    "main/.git/worktrees/root/commondir": "../..\n",
    "main/.git/refs/heads/topic": `${COMMIT}\n`,
  }, true],
];

for (const [name, files, isFound] of LAYOUTS) {
  Deno.test(`versionIn: ${name}`, async () => {
    await using folder = await temporaryFolder();
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(join(folder.file(path), ".."), { recursive: true });
      await Deno.writeTextFile(folder.file(path), text);
    }
    const commit = isFound ? ["0123456789"] : [];
    const root = folder.file("root");
    assertEquals(await versionIn(root), [manifest.version, ...commit].join("+"));
    const labelled = [manifest.version, [...commit, "label"].join(".")].join("+");
    assertEquals(await versionIn(root, ["label"]), labelled);
  });
}
