import { assertEquals } from "@std/assert";
import { importText } from "../../../lib/cli/import/import.ts";
import { CURL } from "../../../lib/cli/import/curl.ts";
import { parseArguments, useOf } from "../../../lib/cli/import/options.ts";
import { WGET } from "../../../lib/cli/import/wget.ts";
import { COMMANDS } from "./commands.ts";

/** Imports a text as one object, with notes and secrets as text. */
async function imported(text: string): Promise<Record<string, unknown>> {
  const { settings, tasks, notes, secrets } = await importText(text, "/home/me");
  return {
    ...settings,
    tasks: tasks.map((task) => Object.keys(task).length === 1 ? task.url : task),
    ...notes.length > 0 && { notes: notes.map(({ what, reason }) => `${what}: ${reason}`) },
    ...secrets.length > 0 && { secrets: secrets.map(({ name, what }) => `${name}: ${what}`) },
  };
}

Deno.test("importText: command lines", async (t) => {
  assertEquals(COMMANDS.length > 55, true);
  for (const [command, expected] of COMMANDS) {
    await t.step(command, async () => assertEquals(await imported(command), expected));
  }
});

Deno.test("importText: dates become placeholders", async () => {
  const dates: readonly (readonly [call: string, name: string])[] = [
    ["$(date +%F)", "{date:YYYY-MM-DD}"],
    ["$(date -u +%Y%m%d)", "{date:YYYYMMDD}"],
    ["`date +%Y/%m/%d`", "{date:YYYY/MM/DD}"],
    ["$(date -d yesterday +%F)", "{date-1d:YYYY-MM-DD}"],
    ["$(date --date='2 days ago' +%F)", "{date-2d:YYYY-MM-DD}"],
    ['$(date -d "-1 month" +%Y-%m)', "{date-1M:YYYY-MM}"],
    ["$(date -d '+1 week' +%G-W%V)", "{date+1w:GGGG}-W{date+1w:WW}"],
    ["$(date -v-1d +%Y%m%d)", "{date-1d:YYYYMMDD}"],
    ["$(date +%Y-%j)", "{date:YYYY-DDD}"],
    ["$(date +%d%j)", "{date:DD}{date:DDD}"],
    ["$(date +day-%d.)", "day-{date:DD}."],
    ["$(date +%H%%)", "{date:HH}%"],
  ];
  for (const [call, name] of dates) {
    assertEquals(await imported(`curl -o "${call}.csv" https://h.example/r`), {
      store: ".",
      tasks: [{ url: "https://h.example/r", to: `${name}.csv` }],
    }, call);
  }
  for (const call of ["$(date +%s)", "$(date)", "$(date -r f +%F)", "$(cat f)", "$1"]) {
    assertEquals(await imported(`curl -O https://h.example/${call}.csv`), {
      tasks: [],
      notes: [`URL: ${call} has a value only when the script runs`],
    }, call);
  }
});

Deno.test("importText: a script with variables, folders and several commands", async () => {
  const script = `#!/bin/bash
set -euo pipefail
BASE=https://data.example.org/v1
OUT="$(dirname "$0")/data"
API_TOKEN="s3cr3t-value"   # a secret stays a variable
mkdir -p "$OUT"
cd /srv/mirror
curl -fsSL -H "Authorization: Bearer $API_TOKEN" \\
  -o "rates/$(date +%F).csv" \\
  "\${BASE}/rates.csv"
wget -q "$BASE/zones.zip" -O zones/zones.zip && unzip zones/zones.zip
for year in 2024 2025; do
  curl -O "$BASE/$year.csv"
done
if true; then BASE=https://other.example; fi
curl -O "$BASE/last.csv"
cat <<EOF
curl -O https://h.example/not-a-command
EOF
`;
  assertEquals(await imported(script), {
    store: "/srv/mirror",
    tasks: [
      {
        url: "https://data.example.org/v1/rates.csv",
        to: "rates/{date:YYYY-MM-DD}.csv",
        headers: { authorization: "Bearer ${env:API_TOKEN}" },
      },
      { url: "https://data.example.org/v1/zones.zip", to: "zones/zones.zip" },
    ],
    notes: [
      "unzip: cronfetch does not process files; zones.zip is kept as downloaded",
      "URL: $year has a value only when the script runs",
      "URL: $BASE has a value only when the script runs",
    ],
  });
});

Deno.test("importText: the lines of notes", async () => {
  const { notes } = await importText(
    "curl -k -O \\\n https://h.example/a\n\nwget -nc h.example/b",
    "/",
  );
  assertEquals(notes.map(({ line, what }) => [line, what]), [[1, "-k"], [4, "-nc"]]);
});

Deno.test("importText: a crontab", async () => {
  const crontab = `# m h dom mon dow command
SHELL=/bin/bash
CRON_TZ = Europe/Berlin
DATA="/srv/my data"
15 6 * * MON-FRI cd "$DATA" && curl -fsO https://h.example/$(date +\\%F).csv
*/30 * * * * root /usr/bin/wget -qN -P /srv/lists https://h.example/list.txt > /dev/null 2>&1
@daily ~/bin/other.sh
@hourly curl -o /srv/lists/b.txt https://h.example/b%not-a-part
@reboot curl -O https://h.example/c.txt
`;
  const { notes } = await importText(crontab, "/home/me");
  assertEquals(notes.map(({ line, what }) => [line, what]), [[9, "@reboot"], [9, "the folder ."]]);
  assertEquals(await imported(crontab), {
    store: "/srv",
    timezone: "Europe/Berlin",
    tasks: [
      {
        url: "https://h.example/{date:YYYY-MM-DD}.csv",
        to: "my data/",
        schedule: "15 6 * * MON-FRI",
      },
      { url: "https://h.example/list.txt", to: "lists/", schedule: "*/30 * * * *" },
      { url: "https://h.example/b", to: "lists/b.txt", schedule: "0 * * * *" },
      "https://h.example/c.txt",
    ],
    notes: [
      "@reboot: the task has the schedule of the config",
      "the folder .: a config has one store; the file is below /srv",
    ],
  });
});

Deno.test("importText: a crontab without a time zone", async () => {
  assertEquals(await imported("0 6 1 * * curl -O https://h.example/a.csv"), {
    store: ".",
    tasks: [{ url: "https://h.example/a.csv", schedule: "0 6 1 * *" }],
    notes: ["timezone: a crontab has the time zone of its machine; set it in the config"],
  });
});

Deno.test("importText: files without a folder in common", async () => {
  const text = "curl -o /srv/a/a.csv https://h.example/a\ncurl -o /data/b.csv https://h.example/b";
  assertEquals(await imported(text), {
    store: "/srv/a",
    tasks: [
      { url: "https://h.example/a", to: "a.csv" },
      { url: "https://h.example/b", to: "data/b.csv" },
    ],
    notes: ["the folder /data: a config has one store; the file is below /srv/a"],
  });
});

Deno.test("importText: a single absolute path does not decide where all files go", async () => {
  const text = `curl -o a.csv https://h.example/a
curl -o data/b.csv https://h.example/b
curl -o /etc/motd https://h.example/c`;
  assertEquals(await imported(text), {
    store: ".",
    tasks: [
      { url: "https://h.example/a", to: "a.csv" },
      { url: "https://h.example/b", to: "data/b.csv" },
      { url: "https://h.example/c", to: "etc/motd" },
    ],
    notes: ["the folder /etc: a config has one store; the file is below ."],
  });
});

Deno.test("importText: two commands for one file are a URL and its mirror", async () => {
  const text = "curl -fo x.csv https://a.example/x || wget -O x.csv https://b.example/y.csv";
  assertEquals(await imported(text), {
    store: ".",
    tasks: [{ url: "https://a.example/x", mirrors: ["https://b.example/y.csv"], to: "x.csv" }],
  });
});

Deno.test("importText: a list of URLs", async () => {
  assertEquals(await imported("# ours\nhttps://a.example/1\n\n  https://b.example/2?sig=abc\n"), {
    tasks: ["https://a.example/1", "https://b.example/2?sig=${env:B_EXAMPLE_SIG}"],
    secrets: ["B_EXAMPLE_SIG: the parameter sig for b.example"],
  });
});

Deno.test("importText: a workflow of Flat", async () => {
  const workflow = `name: data
on:
  schedule:
    - cron: '33 */12 * * *'
    - cron: 0 0 * * 0
  workflow_dispatch: {}
jobs:
  scheduled:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v3
      - name: Fetch data
        uses: githubocto/flat@v3
        with:
          http_url: https://h.example/a.json?page={1}
          downloaded_filename: ./data/a.json
          authorization: \${{ secrets.API_KEY }}
          mask: true
          postprocess: post.ts
      - uses: githubocto/flat@v3
        with:
          http_url: \${{ secrets.ENDPOINT }}
          downloaded_filename: b.json
      - uses: githubocto/flat@v3
        with:
          sql_connstring: \${{ secrets.DB }}
          sql_queryfile: q.sql
`;
  assertEquals(await imported(workflow), {
    store: ".",
    state: "file:cronfetch.state.json",
    schedule: "33 */12 * * *",
    tasks: [
      {
        url: "https://h.example/a.json?page={{1}}",
        to: "data/a.json",
        headers: { authorization: "${env:API_KEY}" },
      },
      { url: "${env:ENDPOINT}", to: "b.json" },
    ],
    notes: [
      "cron 0 0 * * 0: a task has one schedule",
      "postprocess: run it in a later step of the workflow, with the output `changed`",
      "sql_connstring: cronfetch fetches files by http and https",
      "sql_queryfile: cronfetch fetches files by http and https",
    ],
  });
});

Deno.test("importText: knows every option that docs/coming-from.md has", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/coming-from.md", import.meta.url));
  for (const [title, table] of [["curl", CURL], ["wget", WGET]] as const) {
    const section = page.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
    const written = [...section.matchAll(/^\| (`.*?) +\|/gm)].map(([, cell = ""]) => cell).join(
      " ",
    );
    const options = [...written.matchAll(/(?<=[` ])--?[a-zA-Z][a-z0-9-]*/g)].map(([option]) =>
      option
    );
    assertEquals(options.length > 25, true, title);
    for (const option of options) {
      const [argument] = parseArguments([[option]], table);
      const name = argument?.name ?? "";
      const isKnown = useOf(name, table) !== undefined || table.otherValues.includes(name);
      assertEquals(isKnown, true, `${title} ${option}`);
    }
  }
});
