/** Examples in the help of commands. A module of its own, which only help loads. */

/** Command lines for the help of each command. Their tasks and files are those of the docs. */
export const EXAMPLES: Readonly<Record<string, readonly [example: string, purpose: string][]>> = {
  run: [
    ["cronfetch run", "every task of the config here or above"],
    ["cronfetch run --due rates.csv", "one task, if its schedule says so"],
    [
      "cronfetch run -o out.pdf https://www.irs.gov/pub/irs-pdf/f1040.pdf",
      "a file, without a config",
    ],
  ],
  watch: [
    ["cronfetch watch", "until Ctrl-C"],
    ["cronfetch watch --json > events.ndjson", "with a record of the events"],
  ],
  plan: [
    ["cronfetch plan", "what run would download, and to where"],
    ["cronfetch plan --due", "what is due now, and when the others are"],
  ],
  status: [
    ["cronfetch status", "the health of each task"],
    ["cronfetch status rates.csv", "one task, with its recent results"],
    ["cronfetch status --failing --json", "for a script"],
  ],
  serve: [
    ["cronfetch serve", "the page on http://127.0.0.1:8788"],
    ["cronfetch serve --view --port 9000", "only the page, of a run elsewhere"],
  ],
  verify: [
    ["cronfetch verify", "every published file"],
    ["cronfetch verify --fix && cronfetch run", "fetch edited and missing files again"],
  ],
  doctor: [
    ["cronfetch doctor", "before the first run on a machine"],
    ["cronfetch doctor --json -c cronfetch.jsonc", "for a script"],
  ],
  alerts: [
    ["cronfetch alerts test", "send a message to each target"],
    ["cronfetch alerts test --to 1", "only to the first"],
  ],
  work: [
    ["cronfetch work", "one of many machines with the same config"],
    ["cronfetch work --once", "what is due now, for cron"],
    ["cronfetch work --hosts '*.example.org'", "only requests to these hosts"],
  ],
  workers: [
    ["cronfetch workers", "which machines work, and how fast"],
    ["cronfetch workers --drain blue", "before this machine is stopped"],
  ],
  state: [
    ["cronfetch state check", "its format and size, and what it has"],
    ["cronfetch state copy kv:.cronfetch/state.db postgres://db.example/files", "to a database"],
  ],
  init: [
    ["cronfetch init", "a commented cronfetch.jsonc"],
    ["cronfetch init cronfetch.yaml https://example.org/rates.csv", "in YAML, with a task"],
    ["cronfetch init --import 'curl -O https://example.org/a.csv'", "from a command"],
  ],
  schema: [
    ["cronfetch schema > cronfetch.schema.json", "for completion in editors"],
    ["cronfetch schema --event", "for programs that read --json"],
  ],
  completions: [
    ["source <(cronfetch completions bash)", "in ~/.bashrc"],
    ["cronfetch completions fish > cronfetch.fish", "in ~/.config/fish/completions"],
  ],
};

/** The part of a command's help with its examples; empty if it has none. */
export function examplesText(command: string): string {
  const lines = (EXAMPLES[command] ?? []).map(([example, purpose]) =>
    `  # ${purpose}\n  ${example}`
  );
  return lines.length === 0 ? "" : `\nExamples:\n${lines.join("\n")}\n`;
}
