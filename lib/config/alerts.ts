/** `alerts`: who is told about changes of health. */

import type { Alert } from "../core/alert.ts";
import { applyHeaders } from "./options.ts";
import type { AlertOptions } from "./schema.ts";
import { type Path, readAddress, type Scope } from "./scope.ts";

/** Reads the alerts of a source; those that are wrong are complained of and left out. */
export function readAlerts(alerts: readonly AlertOptions[], path: Path, scope: Scope): Alert[] {
  return alerts.flatMap((alert, index) => readAlert(alert, [...path, index], scope) ?? []);
}

function readAlert(
  { webhook, headers, command }: AlertOptions,
  path: Path,
  scope: Scope,
): Alert | null {
  if ((webhook === undefined) === (command === undefined)) {
    scope.complain(path, "must have a webhook or a command, and not both");
    return null;
  }
  if (webhook === undefined) {
    const [program, ...words] = command ?? [];
    return program === undefined ? null : { kind: "command", command: [program, ...words] };
  }
  // Nothing is dated in it; a date's braces are refused like any others that mean nothing.
  const address = readAddress(webhook, "UTC", [...path, "webhook"], scope);
  if (address === null) return null;
  // The address of a webhook is all that keeps others from using it.
  scope.secrets.add(address.url.pathname + address.url.search);
  return {
    kind: "webhook",
    url: address.url.href,
    headers: applyHeaders({}, headers ?? {}, path, scope),
  };
}
