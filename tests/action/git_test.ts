import { assertEquals, assertRejects } from "@std/assert";
import { ActionError, ask, saidBy } from "../../tools/action/git.ts";

const SAID: readonly (readonly [stderr: string, shown: string])[] = [
  ["", "exit code 128"],
  ["fatal:\n  not a repository\n", "fatal: not a repository"],
  [
    "unable to access 'https://x-access-token:ghs_abc@github.com/o/r.git/': 403",
    "unable to access 'https://github.com/o/r.git/': 403",
  ],
  ["https://ghs_abc@github.com/o", "https://github.com/o"],
  ["https://user:p@ss:w@host/o", "https://host/o"],
  ["ssh://git@host:22/o and https://u:p@host/o", "ssh://host:22/o and https://host/o"],
  ["https://user:@host", "https://host"],
  ["https://host/o@v1 by mail@host", "https://host/o@v1 by mail@host"],
  ["'https://host' 'a@b'", "'https://host' 'a@b'"],
];

Deno.test("saidBy: one line without credentials of URLs", async () => {
  for (const [stderr, shown] of SAID) {
    const answer = { code: 128, stdout: "", stderr };
    assertEquals(saidBy(answer), shown);
    const failed = await assertRejects(
      () => ask(() => Promise.resolve(answer), ["push"]),
      ActionError,
    );
    assertEquals(failed.message, `git push failed: ${shown}`);
  }
});
