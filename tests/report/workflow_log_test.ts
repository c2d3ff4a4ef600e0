import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { WorkflowLog } from "../../lib/report/workflow_log.ts";
import { fakeOutput } from "./fakes.ts";

function written(pieces: readonly string[]): string {
  const output = fakeOutput(false);
  const log = new WorkflowLog(output);
  for (const piece of pieces) log.write(piece);
  return output.writes.join("");
}

/** Whether the GitHub Actions runner could find a command in a line. */
function isCommand(line: string): boolean {
  return /^[\s\u0085]*::/.test(line) || line.includes("##[");
}

Deno.test("WorkflowLog: no text is a command", async (t) => {
  const table: [name: string, text: string, written: string][] = [
    ["plain text", "created  a.txt\n", "created  a.txt\n"],
    ["a command", "::error::boo\n", ":\\u003aerror::boo\n"],
    [
      "after blanks",
      " \t\u00a0\u3000::set-env name=A::b\n",
      " \t\u00a0\u3000:\\u003aset-env name=A::b\n",
    ],
    ["on a later line", "a\n::error::b\r::c::\n", "a\n:\\u003aerror::b\r:\\u003ac::\n"],
    ["within a line", "http::status a::b\n", "http::status a::b\n"],
    ["colons apart", ": :error::\n", ": :error::\n"],
    ["the older form", "##[error]boo\n", "##\\u005berror]boo\n"],
    ["the older form within a line", "a ##[add-path]/x\n", "a ##\\u005badd-path]/x\n"],
    ["more number signs", "###[error]\n", "###\\u005berror]\n"],
    ["not the older form", "#[a] # #[b] ##a[c]\n", "#[a] # #[b] ##a[c]\n"],
    ["JSON keeps its value", `{"a":"##[b]"}\n`, `{"a":"##\\u005bb]"}\n`],
  ];
  for (const [name, text, expected] of table) {
    await t.step(name, () => {
      assertEquals(written([text]), expected);
      assertEquals(written(text.split("")), expected, "in pieces");
    });
  }
  assertEquals(JSON.parse(written([`{"a":"##[b]"}`])), { a: "##[b]" });
});

Deno.test("WorkflowLog: arbitrary text, split anywhere, is no command", () => {
  const character = fc.constantFrom(
    ":",
    ":",
    "#",
    "#",
    "[",
    "]",
    " ",
    "\n",
    "\r",
    "\u0085",
    "e",
    "%",
  );
  fc.assert(fc.property(fc.array(fc.string({ unit: character })), (pieces) => {
    const lines = written(pieces).split(/[\r\n]/);
    assertEquals(lines.filter(isCommand), []);
  }));
});

Deno.test("WorkflowLog: commands are escaped and on their own lines", () => {
  const output = fakeOutput(false);
  const log = new WorkflowLog(output);
  log.write("half a line");
  log.command("error", "100%\r\nof a: b, ::c::", { title: "50%: a,b\n::d" });
  log.command("endgroup");
  log.write("::e::\n");
  assertEquals(
    output.writes.join(""),
    [
      "half a line",
      "::error title=50%25%3A a%2Cb%0A%3A%3Ad::100%25%0D%0Aof a: b, ::c::",
      "::endgroup::",
      ":\\u003ae::",
      "",
    ].join("\n"),
  );
});
