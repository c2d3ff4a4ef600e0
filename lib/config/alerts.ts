/** Targets of alerts, and the address of the page that alerts link to. */

import type { Alert, AlertFormat } from "../core/event.ts";
import { DEFAULTS } from "./input.ts";
import { applyHeaders, NO_HEADERS } from "./options.ts";
import type { AlertOptions } from "./schema/schema.ts";
import { type Path, readUrl, type Scope } from "./scope.ts";

/** Reads an entry of `alerts`. Returns null after a problem. */
export function readAlert(
  { webhook, format, headers, command }: AlertOptions,
  path: Path,
  scope: Scope,
): Alert | null {
  if ((webhook === undefined) === (command === undefined)) {
    scope.addProblem(path, "must have either a webhook or a command");
    return null;
  }
  if (webhook === undefined) {
    if (format !== undefined) {
      scope.addProblem([...path, "format"], "is for a webhook; a command always receives JSON");
    }
    const [program, ...words] = command ?? [];
    return program === undefined ? null : { kind: "command", command: [program, ...words] };
  }
  const read = readWebhook(webhook, headers, path, scope);
  if (read === null) return null;
  const { url } = read;
  const chosen = format ?? formatOf(url);
  if (chosen === "ntfy" && url.pathname === "/") {
    scope.addProblem(
      [...path, "webhook"],
      'must name a topic of ntfy, as in "https://ntfy.sh/my-topic"',
    );
    return null;
  }
  return {
    kind: "webhook",
    url: url.href,
    format: chosen,
    headers: read.headers,
  };
}

/** Reads the URL and the headers of a webhook. Returns null after a problem with the URL. */
export function readWebhook(
  webhook: string,
  headers: Readonly<Record<string, string>> | undefined,
  path: Path,
  scope: Scope,
): { readonly url: URL; readonly headers: Readonly<Record<string, string>> } | null {
  const resolved = readUrl(webhook, DEFAULTS.timezone, [...path, "webhook"], scope);
  if (resolved === null) return null;
  const { url } = resolved;
  // Knowing the URL of a webhook is enough to use it.
  scope.secrets.add(url.pathname + url.search);
  return { url, headers: applyHeaders(NO_HEADERS, headers ?? {}, path, scope).headers };
}

/**
 * Services by their hosts and paths. Slack's workflows and Discord's endpoints for other formats have
 * the same hosts as their incoming webhooks.
 */
const SERVICES: readonly (readonly [AlertFormat, host: RegExp, path: RegExp])[] = [
  ["slack", /^hooks\.slack(?:-gov)?\.com$/, /^\/services\//],
  ["slack", /^(?:[a-z]+\.)?discord(?:app)?\.com$/, /^\/api\/(?:v\d+\/)?webhooks\/.*\/slack\/?$/],
  [
    "discord",
    /^(?:[a-z]+\.)?discord(?:app)?\.com$/,
    /^\/api\/(?:v\d+\/)?webhooks\/[^/]+\/[^/]+\/?$/,
  ],
  ["teams", /\.webhook\.office\.com$/, /^/],
  ["teams", /\.logic\.azure\.(?:com|us|cn)$/, /^/],
  ["teams", /(?:^|\.)api\.(?:powerplatform|powerautomate)\.(?:com|us|cn)$/, /^/],
  ["ntfy", /^ntfy\.sh$/, /^/],
];

/** The format of the service that a URL belongs to; `json` for any other. */
export function formatOf({ hostname, pathname }: URL): AlertFormat {
  return SERVICES.find(([, host, path]) => host.test(hostname) && path.test(pathname))?.[0] ??
    "json";
}

/** Reads `page.publicUrl`. Returns it with a slash at its end, or null after a problem. */
export function readPageUrl(text: string, path: Path, scope: Scope): string | null {
  const resolved = readUrl(text, DEFAULTS.timezone, path, scope);
  if (resolved === null) return null;
  const { origin, pathname } = resolved.url;
  return origin + (pathname.endsWith("/") ? pathname : `${pathname}/`);
}
