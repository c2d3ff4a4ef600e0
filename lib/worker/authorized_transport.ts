/** The transport of a run with `auth`, and the redaction of its tokens. Loaded on demand. */

import type { Config } from "../config/config.ts";
import { createUrlRedactor } from "../config/secrets.ts";
import type { Host } from "../core/host.ts";
import type { SettingsOf, Transport } from "../core/http.ts";
import { authorizeRequests } from "../http/authorize.ts";
import { openTransport } from "../http/transport.ts";

/** The transport of a run, and the redactor of its texts. Disposing of it closes connections. */
export interface RunTransport extends AsyncDisposable {
  readonly transport: Transport;
  /** Redacts the secrets of the config, and every token that was fetched. */
  readonly redact: (text: string) => string;
}

/**
 * Opens a transport that sends the credentials of `auth`. Tokens are fetched on demand and live as
 * long as it. A server may repeat one in an error, so they are redacted like the secrets.
 *
 * @param config The credentials, and the secrets of the config.
 * @param settingsOf As for `openTransport`.
 * @param context The host, and what ends the run.
 */
export async function openAuthorizedTransport(
  { auth, secrets }: Pick<Config, "auth" | "secrets">,
  settingsOf: SettingsOf,
  { host, signal }: { readonly host: Host; readonly signal: AbortSignal },
): Promise<RunTransport> {
  const known = [...secrets];
  let redactKnown = createUrlRedactor(known);
  const redact = (text: string) => redactKnown(text);
  const opened = await openTransport(host, settingsOf, redact);
  const { transport } = opened;
  const onToken = (token: string) => {
    known.push(token);
    redactKnown = createUrlRedactor(known);
  };
  return {
    ...opened,
    transport: authorizeRequests(auth, { host, transport, signal, onToken }),
    redact,
  };
}
