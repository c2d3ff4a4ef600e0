import { assertEquals } from "@std/assert";
import { parseShell, type Word } from "../../../lib/cli/import/shell.ts";

/** A word as text, with its expansions in angle brackets. */
function shown(word: Word): string {
  return word.map((part) => typeof part === "string" ? part : `<${Object.values(part)}>`).join("");
}

const WORDS: readonly (readonly [text: string, words: readonly string[]])[] = [
  ["curl -O https://x", ["curl", "-O", "https://x"]],
  [`a 'b c' "d e" f\\ g`, ["a", "b c", "d e", "f g"]],
  [`'it'\\''s' "say \\"hi\\""`, ["it's", 'say "hi"']],
  [`$'a\\tb\\x41\\u00e9\\101\\'c'`, ["a\tbA\u00e9A'c"]],
  [`"a\\nb" 'a\\nb'`, ["a\\nb", "a\\nb"]],
  ["a \\\n  b \\\r\n c", ["a", "b", "c"]],
  ['a ^\n  "b"', ["a", "b"]],
  [`curl ^"x?a=1^&b=^%^2^" ^\r\n  -H ^"q: ^\\^"z^\\^"^"`, ["curl", "x?a=1&b=%2", "-H", 'q: "z"']],
  ["a\\\nb", ["ab"]],
  [`"a\\\nb"`, ["ab"]],
  ["$A ${B} $C/d \"$E f\" '$G'", ["<A>", "<B>", "<C>/d", "<E> f", "$G"]],
  ['$(date +%F) `date` "x$(a "b)" \'c)\')y"', ["<date +%F>", "<date>", `x<a "b)" 'c)'>y`]],
  ["$1 $@ ${A:-b} $((1+1)) $", ["<$1>", "<$@>", "<${A:-b}>", "<$((1+1))>", "$"]],
  ["~/a ~ b~/c ~d", ["<HOME>/a", "<HOME>", "b~/c", "~d"]],
  ["a # b\n", ["a"]],
  ["a#b '#'", ["a#b", "#"]],
  [`"" ''`, ["", ""]],
  ["'open", ["open"]],
  ['"open $(', ["open <>"]],
];

Deno.test("parseShell: words", () => {
  for (const [text, words] of WORDS) {
    assertEquals(parseShell(text).flatMap(({ words }) => words.map(shown)), words, text);
  }
});

Deno.test("parseShell: commands, redirections, assignments and lines", () => {
  const text = `#!/bin/sh
A=1 B="$C"
export D=x
curl a > out.csv 2>&1 && wget b; c | d &
if e &>/dev/null; then f 2>/dev/null >> "g h"; fi
cat <<EOF > i
curl not-a-command
EOF
A=2 j A=3 >k <l
`;
  const commands = parseShell(text).map(({ assignments, words, stdout, isPiped, line }) => ({
    line,
    words: words.map(shown).join(" "),
    ...assignments.length > 0 && { set: assignments.map(([n, v]) => `${n}=${shown(v)}`) },
    ...stdout && { stdout: shown(stdout) },
    ...isPiped && { isPiped },
  }));
  assertEquals(commands, [
    { line: 2, words: "", set: ["A=1", "B=<C>"] },
    { line: 3, words: "export", set: ["D=x"] },
    { line: 4, words: "curl a", stdout: "out.csv" },
    { line: 4, words: "wget b" },
    { line: 4, words: "c", isPiped: true },
    { line: 4, words: "d" },
    { line: 5, words: "if e", stdout: "/dev/null" },
    { line: 5, words: "then f", stdout: "g h" },
    { line: 5, words: "fi" },
    { line: 6, words: "cat", stdout: "i" },
    { line: 9, words: "j A=3", set: ["A=2"], stdout: "k" },
  ]);
});
