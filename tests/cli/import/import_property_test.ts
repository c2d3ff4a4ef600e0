import { assert } from "@std/assert";
import fc from "fast-check";
import { importText } from "../../../lib/cli/import/import.ts";

/** Pieces of shell, in any order and without regard for its grammar. */
const PIECES = [
  ...[
    "curl ",
    "wget ",
    "-O ",
    "-o ",
    "-H ",
    "-u ",
    "-x ",
    "-d ",
    "--",
    "-",
    "=",
    " ",
    "\n",
    "\\\n",
  ],
  ...["'", '"', "$'", "`", "$(", "${", ")", "}", "{", "[1-3]", "{a,b}", "$A", "A=", "~", "#", "|"],
  ...[
    "&&",
    ">",
    ">>",
    "2>&1",
    "<<EOF\n",
    "EOF\n",
    "* * * * * ",
    "@daily ",
    "%",
    "\\%",
    "\\",
    "^\n",
  ],
  ...["https://h.example/a", "http://u:p@h/?token=x", "ftp://h/", "date +%F", "date -d 'x' +%Q"],
  ...["for x in 1; do ", "done\n", "cd ", "/", "../", "é", "\u0000", "\u{1f600}", "--next ", "-G "],
];

Deno.test("property: importText: any text has a result", async () => {
  const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(text, async (pieces) => {
      const { tasks, notes } = await importText(pieces.join(""), "/home/me");
      for (const { url } of tasks) assert(/^https?:\/\/|^\$\{env:/i.test(url), url);
      for (const { what, reason } of notes) assert(what !== "" && reason !== "");
    }),
    { numRuns: 3_000, seed: 16 },
  );
});
