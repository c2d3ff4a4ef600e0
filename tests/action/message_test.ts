import { assertEquals } from "@std/assert";
import { commitMessage } from "../../tools/action/message.ts";
import { type Outcome, outcomesOf } from "../../tools/action/outcomes.ts";

const outcome = (
  status: Outcome["status"],
  key: string,
  sizeBytes: number | null = null,
  previousSizeBytes: number | null = null,
): Outcome => ({ task: key, status, key, sizeBytes, previousSizeBytes });
const plain = { subject: "", skipCi: false };

Deno.test("commitMessage: counts and lists the changes", () => {
  const outcomes = [
    outcome("created", "a.txt", 12),
    outcome("unchanged", "b.txt"),
    outcome("updated", "größe/c-1_2.csv", 1_340_040, 1_340_000),
    outcome("failed", "d.txt"),
  ];
  const list = "\ncreated  a.txt  12 B\nupdated  größe/c-1_2.csv  1.34 MB (+40 B)\n";
  assertEquals(commitMessage(outcomes, plain), `cronfetch: 1 created, 1 updated\n${list}`);
  assertEquals(
    commitMessage(outcomes, { subject: " Data of today\n", skipCi: true }),
    `Data of today [skip ci]\n${list}`,
  );
  assertEquals(
    commitMessage([outcome("failed", "d.txt")], plain),
    "cronfetch: nothing new in 1 task\n",
  );
  const many = Array.from({ length: 1_300 }, (_, index) => outcome("updated", `${index}`));
  const lines = commitMessage(many, plain).trimEnd().split("\n");
  assertEquals([lines.length, lines.at(-1)], [103, "and 1,200 more files"]);
});

Deno.test("commitMessage: file names are inert", () => {
  const table: [key: string, shown: string][] = [
    ["[skip ci].txt", "%5Bskip%20ci%5D.txt"],
    ["fixes #1", "fixes%20%231"],
    ["closes GH-1", "closes%20GH-1"],
    ["closes https://github.com/o/r/issues/1", "closes%20https%3A//github.com/o/r/issues/1"],
    ["@all", "%40all"],
    ["a\nskip-checks: true", "a%0Askip-checks%3A%20true"],
    ["\u202egnp", "%E2%80%AEgnp"],
    ["\ud800", "%EF%BF%BD"],
    ["100%", "100%25"],
  ];
  for (const [key, shown] of table) {
    const [, , line] = commitMessage([outcome("created", key)], plain).split("\n");
    assertEquals(line, `created  ${shown}`);
  }
});

Deno.test("outcomesOf: results only, without an incomplete last line", () => {
  const line = (result: unknown, type = "task.finished") => JSON.stringify({ type, result });
  const good = line({ task: "a", status: "created", key: "a.txt", sizeBytes: 3, more: 1 });
  const text = [
    JSON.stringify({ type: "run.started", tasks: 1 }),
    good,
    line({ task: "b", status: "created", key: "b.txt" }, "task.started"),
    line({ task: "c", status: "strange", key: "c.txt" }),
    line({ task: "d", key: "d.txt" }),
    line(null),
    "null",
    good.slice(0, -3),
  ].join("\n");
  assertEquals(outcomesOf(text), [{ ...outcome("created", "a.txt", 3), task: "a" }]);
  assertEquals(outcomesOf(""), []);
});
