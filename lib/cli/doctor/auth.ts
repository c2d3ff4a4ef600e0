/** The check of `auth`: each client gets a token, which is discarded. */

import type { Config } from "../../config/config.ts";
import { hasPlaceholder } from "../../config/variables.ts";
import type { Host } from "../../core/host.ts";
import { serverSettings } from "../../core/host_rules.ts";
import type { OriginCredentials } from "../../core/http.ts";
import type { Task } from "../../core/task.ts";
import { errorMessage } from "../../core/text.ts";
import { hostKind } from "../../http/egress.ts";
import type { TokenRequest } from "../../http/oauth2.ts";
import { openTransport } from "../../http/transport.ts";
import { formatDuration } from "../../report/format.ts";
import type { CheckResult } from "./checks.ts";

/**
 * Fetches a token for each client of `auth`, as a run does. Fixed credentials are not sent: only a
 * request for a file would show whether they are accepted.
 *
 * @param tasks All tasks, whose `allowPrivate` decides which addresses token servers may have.
 * @param signal Aborts the requests.
 * @returns One result per origin, without those whose secrets have no value; none once it is aborted.
 */
export async function checkAuth(
  { auth, hosts }: Pick<Config, "auth" | "hosts">,
  tasks: readonly Pick<Task, "url" | "allowPrivate">[],
  host: Host,
  signal: AbortSignal,
): Promise<CheckResult[]> {
  const known = auth.filter(({ credentials }) => !Object.values(credentials).some(isUnset));
  if (known.length === 0 || signal.aborted) return [];
  // The minifier of the bundle would lose a `using` here.
  const opened = await openTransport(host, (origin) => serverSettings(hosts, origin));
  try {
    const results = await Promise.all(known.map((entry) => {
      const publicOnly = requiresPublic(entry, tasks);
      const { transport } = opened;
      const { timers, clock } = host;
      return checkCredentials(entry, { transport, publicOnly, timers, clock, signal });
    }));
    return signal.aborted ? [] : results;
  } finally {
    await opened[Symbol.asyncDispose]();
  }
}

/** Whether it has a placeholder for a secret without a value. */
function isUnset(value: string | null): boolean {
  if (value === null) return false;
  const [, encoded] = /^Basic (.*)$/.exec(value) ?? [];
  return hasPlaceholder(encoded === undefined ? value : atob(encoded));
}

/** Whether a token server must have a public address: in a run, the first request decides. */
function requiresPublic(
  { origin, credentials }: OriginCredentials,
  tasks: readonly Pick<Task, "url" | "allowPrivate">[],
): boolean {
  const urls = credentials.kind === "oauth2" ? [origin, credentials.tokenUrl] : [origin];
  if (urls.some((url) => hostKind(new URL(url).hostname) === "private")) return false;
  const own = tasks.filter(({ url }) => new URL(url).origin === origin);
  return !(own.length > 0 ? own : tasks).every(({ allowPrivate }) => allowPrivate);
}

async function checkCredentials(
  { origin, credentials }: OriginCredentials,
  request: TokenRequest,
): Promise<CheckResult> {
  if (credentials.kind === "fixed") {
    const message = `${origin}: ${credentials.scheme} credentials, which are not tried here`;
    return { check: "auth", verdict: "good", message };
  }
  // Loaded on demand, with its package.
  const { fetchToken } = await import("../../http/oauth2.ts");
  try {
    const { expiresInS } = await fetchToken(credentials, request);
    const lifetime = expiresInS === null ? "" : `, valid for ${formatDuration(expiresInS * 1000)}`;
    return { check: "auth", verdict: "good", message: `${origin}: fetched a token${lifetime}` };
  } catch (error) {
    const message = `${origin}: ${errorMessage(error)}`;
    return { check: "auth", verdict: "wrong", message, hint: HINT };
  }
}

const HINT = "check tokenUrl, clientId, clientSecret and clientAuth";
