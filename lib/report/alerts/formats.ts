/** A message in the form of each service: headers and body. Pure. */

import type { AlertFormat } from "../../core/event.ts";
import {
  type AlertLine,
  type AlertMessage,
  factsOf,
  fittingLines,
  lineText,
  type Severity,
} from "./message.ts";

/** The content of a request to a webhook. */
export interface AlertPayload {
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Writes a message for a service. */
export function alertPayload(message: AlertMessage, format: AlertFormat): AlertPayload {
  switch (format) {
    case "json":
      return json(genericPayload(message));
    case "slack":
      return json(slackPayload(message));
    case "discord":
      return json(discordPayload(message));
    case "teams":
      return json(teamsPayload(message));
    case "ntfy":
      return ntfyPayload(message);
    default:
      return format satisfies never;
  }
}

function json(body: object): AlertPayload {
  return { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

const lengthOf = (text: string) => text.length + 1;
const encoder = new TextEncoder();
const bytesOf = (text: string) => encoder.encode(text).length + 1;

/** Most characters of `text`, as other chats allow few; and of `content`, by Discord's limit. */
const GENERIC_TEXT = 4_000;
const GENERIC_CONTENT = 2_000;

/** Most notices in JSON, so that a webhook does not refuse its size. */
const GENERIC_NOTICES = 1_000;

/**
 * JSON with the facts. `text` and `content` are what most chats display, without mentions.
 */
function genericPayload(message: AlertMessage): object {
  const { title, severity, link, run, notices } = message;
  const texts = [GENERIC_TEXT, GENERIC_CONTENT].map((limit) => {
    const head = "cronfetch";
    const lines = fittingLines(
      message,
      (line) => withoutMentions(lineText(line)),
      limit - lengthOf(head),
      lengthOf,
    );
    return [head, ...lines].join("\n");
  });
  const [text, content] = texts;
  const alerts = notices.slice(0, GENERIC_NOTICES);
  const omitted = notices.length - alerts.length;
  return { text, content, title, severity, link, run, alerts, omitted };
}

/** A zero-width space ends what chats would read as a mention: `@all`, `<!channel>`. */
function withoutMentions(text: string): string {
  return text.replace(/@|<(?=[!@#])/g, (sign) => `${sign}\u200b`);
}

/** Slack allows 150 characters in a header, and 3,000 in a section. */
const SLACK_SECTION = 3_000;

const SLACK_MARKS = { critical: "🔴", warning: "🟠", good: "🟢" } as const satisfies Record<
  Severity,
  string
>;

/** Blocks of an incoming webhook of Slack; `text` is for notifications and for other chats. */
function slackPayload(message: AlertMessage): object {
  const { title, severity, link } = message;
  const heading = `${SLACK_MARKS[severity]} ${title}`;
  const lines = fittingLines(message, slackLine, 4 * SLACK_SECTION, lengthOf);
  const sections = [""];
  for (const line of lines) {
    const last = sections.at(-1) ?? "";
    if (last.length + lengthOf(line) > SLACK_SECTION) sections.push(line);
    else sections[sections.length - 1] = last === "" ? line : `${last}\n${line}`;
  }
  return {
    text: withoutMentions([slackText(heading), ...lines].join("\n")),
    ...{ unfurl_links: false, unfurl_media: false },
    blocks: [
      { type: "header", text: { type: "plain_text", text: heading.slice(0, 150), emoji: true } },
      ...sections.map(slackSection),
      ...(link === null
        ? []
        : [slackSection(`<${slackText(link).replaceAll("|", "%7C")}|Status page>`)]),
    ],
  };
}

/** Without `verbatim`, Slack would make links of the names of channels and of URLs. */
function slackSection(text: string): object {
  return { type: "section", text: { type: "mrkdwn", text, verbatim: true } };
}

function slackLine({ label, subject, detail }: AlertLine): string {
  const id = subject === null ? null : `\`${slackText(subject).replaceAll("`", "'")}\``;
  const facts = factsOf({ subject: id, detail: slackText(detail) });
  return facts.length === 0 ? label : `*${label}:* ${facts.join(", ")}`;
}

/** Mentions and links begin with `<`, which Slack takes literally as an entity. */
function slackText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Discord allows 4,096 characters in the description of an embed. */
const DISCORD_DESCRIPTION = 4_096;

const DISCORD_COLORS = {
  critical: 0xd93025,
  warning: 0xf29900,
  good: 0x1e8e3e,
} as const satisfies Record<Severity, number>;

/** One embed of a webhook of Discord, in which nothing is a mention. */
function discordPayload(message: AlertMessage): object {
  const { title, severity, link } = message;
  const lines = fittingLines(message, discordLine, DISCORD_DESCRIPTION, lengthOf);
  return {
    embeds: [{
      title,
      ...(link === null ? {} : { url: link }),
      description: lines.join("\n"),
      color: DISCORD_COLORS[severity],
    }],
    allowed_mentions: { parse: [] },
  };
}

function discordLine(line: AlertLine): string {
  const facts = factsOf(line).map(discordText);
  return facts.length === 0 ? line.label : `**${line.label}:** ${facts.join(", ")}`;
}

/** Escapes Markdown, and separates `@` from a name, which some clients would highlight. */
function discordText(text: string): string {
  return text.replace(/[\\`*_~|<>[\]]/g, "\\$&").replaceAll("@", "@\u200b");
}

/** Teams allows 28 KB in all; the rest of the card takes less than 1 KB. */
const TEAMS_LINES = 26_000;

const TEAMS_COLORS = {
  critical: "Attention",
  warning: "Warning",
  good: "Good",
} as const satisfies Record<Severity, string>;

/** An Adaptive Card for a workflow of Teams. Text runs have no markup. */
function teamsPayload(message: AlertMessage): object {
  const { title, severity, link } = message;
  const sizeOf = (block: object) => bytesOf(JSON.stringify(block));
  const lines = fittingLines(message, teamsLine, TEAMS_LINES, sizeOf);
  const content = {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    msteams: { width: "Full" },
    body: [
      {
        ...{ type: "TextBlock", text: title, wrap: true },
        ...{ size: "Medium", weight: "Bolder", color: TEAMS_COLORS[severity] },
      },
      ...lines,
    ],
    ...(link === null
      ? {}
      : { actions: [{ type: "Action.OpenUrl", title: "Status page", url: link }] }),
  };
  const contentType = "application/vnd.microsoft.card.adaptive";
  return { type: "message", attachments: [{ contentType, contentUrl: null, content }] };
}

function teamsLine(line: AlertLine): object {
  const { label } = line;
  const facts = factsOf(line);
  const rest = facts.length === 0 ? [] : [{ type: "TextRun", text: ` ${facts.join(", ")}` }];
  const head = {
    type: "TextRun",
    text: facts.length === 0 ? label : `${label}:`,
    weight: "Bolder",
  };
  return { type: "RichTextBlock", inlines: [head, ...rest] };
}

/** ntfy makes an attachment of a longer message. */
const NTFY_BYTES = 4_096;

/** Tags that ntfy shows as emoji, and the priority: 4 is high, 3 the default. */
const NTFY_SEVERITIES = {
  critical: { tags: "rotating_light", priority: "4" },
  warning: { tags: "warning", priority: "3" },
  good: { tags: "white_check_mark", priority: "3" },
} as const satisfies Record<Severity, object>;

/** Plain text for a topic of ntfy; the rest is in headers. */
function ntfyPayload(message: AlertMessage): AlertPayload {
  const { title, severity, link } = message;
  return {
    headers: {
      "content-type": "text/plain; charset=utf-8",
      title,
      ...NTFY_SEVERITIES[severity],
      ...(link === null ? {} : { click: link }),
    },
    body: fittingLines(message, lineText, NTFY_BYTES, bytesOf).join("\n"),
  };
}
