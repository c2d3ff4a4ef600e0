import { assertEquals } from "@std/assert";
import type { AlertFormat } from "../../lib/core/event.ts";
import { formatOf } from "../../lib/config/alerts.ts";
import { loadInput, problemLinesOf } from "./loading.ts";

const FORMATS: readonly (readonly [url: string, format: AlertFormat])[] = [
  ["https://hooks.slack.com/services/T0/B0/XX", "slack"],
  ["https://hooks.slack-gov.com/services/T0/B0/XX", "slack"],
  ["https://hooks.slack.com/workflows/T0/A0/1/XX", "json"],
  ["https://hooks.slack.com/triggers/T0/1/XX", "json"],
  ["https://hooks.slack.com.example.org/services/T0/B0/XX", "json"],
  ["https://discord.com/api/webhooks/1/XX", "discord"],
  ["https://discord.com/api/v10/webhooks/1/XX?thread_id=2", "discord"],
  ["https://discordapp.com/api/webhooks/1/XX", "discord"],
  ["https://ptb.discord.com/api/webhooks/1/XX", "discord"],
  ["https://discord.com/api/webhooks/1/XX/slack", "slack"],
  ["https://discord.com/api/webhooks/1/XX/github", "json"],
  ["https://notdiscord.com/api/webhooks/1/XX", "json"],
  ["https://contoso.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d", "teams"],
  ["https://prod-1.westus.logic.azure.com/workflows/a/triggers/manual/paths/invoke?sig=b", "teams"],
  ["https://prod-1.westus.logic.azure.com:443/workflows/a/triggers/manual/paths/invoke", "teams"],
  [
    "https://default0.1f.environment.api.powerplatform.com/powerautomate/automations/direct/w",
    "teams",
  ],
  ["https://api.powerautomate.com/webhook/x", "teams"],
  ["https://webhook.office.com.example.org/x", "json"],
  ["https://ntfy.sh/topic", "ntfy"],
  ["https://ntfy.example.org/topic", "json"],
  ["http://127.0.0.1:8080/services/", "json"],
];

Deno.test("formatOf: the service that a URL belongs to", () => {
  for (const [url, format] of FORMATS) assertEquals(formatOf(new URL(url)), format, url);
});

Deno.test("readAlert: a format takes precedence over that of the host", async () => {
  const { alerts } = await loadInput({
    alerts: [
      { webhook: "https://hooks.slack.com/services/T0/B0/XX", format: "json" },
      { webhook: "http://127.0.0.1/hook", format: "slack" },
      { webhook: "http://127.0.0.1/hook" },
    ],
    tasks: [],
  });
  assertEquals(alerts.map((alert) => alert.kind === "webhook" && alert.format), [
    "json",
    "slack",
    "json",
  ]);
});

Deno.test("readAlert: reports targets that cannot work", async () => {
  const problems = await problemLinesOf(loadInput({
    alerts: [
      { webhook: "https://ntfy.sh/" },
      { command: ["x"], format: "slack" },
      { webhook: "https://example.org/", command: ["x"] },
      {},
    ],
    tasks: [],
  }));
  assertEquals(problems.map((line) => line.replace(/^[\d:]+ /, "")), [
    'alerts[0].webhook must name a topic of ntfy, as in "https://ntfy.sh/my-topic"',
    "alerts[1].format is for a webhook; a command always receives JSON",
    "alerts[2] must have either a webhook or a command",
    "alerts[3] must have either a webhook or a command",
  ]);
});

Deno.test("alerts, page.publicUrl, unchangedFor: the schema rejects other values", async () => {
  const problems = await problemLinesOf(loadInput({
    // @ts-expect-error: not in the type
    alerts: [{ webhook: "https://example.org/", format: "email" }],
    page: { publicUrl: "status.example.org" },
    defaults: { unchangedFor: "0s" },
    tasks: [],
  }));
  assertEquals(problems.map((line) => line.replace(/^[\d:]+ /, "")), [
    'alerts[0].format must be "json" or "slack" or "discord" or "teams" or "ntfy"',
    'page.publicUrl must be an absolute http or https URL; did you mean "https://status.example.org"?',
    "defaults.unchangedFor must be a duration such as 30s, 5m or 1h30m, from 1ms to 365d",
  ]);
});

Deno.test("readPageUrl: ends with a slash, and has no query", async () => {
  const table = [
    ["https://status.example.org", "https://status.example.org/"],
    ["https://example.org/status", "https://example.org/status/"],
    ["https://example.org/status/?a=b#c", "https://example.org/status/"],
  ] as const;
  for (const [url, expected] of table) {
    const { page } = await loadInput({ page: { publicUrl: url }, tasks: [] });
    assertEquals(page, { downloads: false, publicUrl: expected });
  }
});
