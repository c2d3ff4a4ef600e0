/** Where the status page is, and what visitors must know. */

import type { Flags } from "../cli.ts";
import { variable } from "../config/variables.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";

/** Where the page is unless somebody says otherwise: on this machine alone. */
export const HOSTNAME = "127.0.0.1";
/** The port there. */
export const PORT = 8788;

/** The variable that holds what visitors must know to do something. */
export const TOKEN_VARIABLE = "CRONFETCH_TOKEN";

/** Where the page is to be. */
export interface PageAddress {
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
}

/**
 * Reads `--port` and `--hostname`.
 *
 * @throws {CronfetchError} `usage`.
 */
export function addressOf({ port, hostname }: Pick<Flags, "port" | "hostname">): PageAddress {
  const number = port === undefined ? PORT : /^\d{1,5}$/.test(port) ? Number(port) : Infinity;
  if (number > 65_535) {
    throw new CronfetchError("usage", `--port ${port} is no number from 0 to 65535`);
  }
  return { hostname: hostname ?? HOSTNAME, port: number };
}

/** What visitors must know to do something; null: nobody can do anything. */
export function tokenOf(host: Pick<Host, "env">): string | null {
  return variable(TOKEN_VARIABLE, host) ?? null;
}

/** What the page must not show, besides the secrets of the config. */
export function pageSecrets(host: Pick<Host, "env">): string[] {
  const token = tokenOf(host);
  return token === null ? [] : [token];
}
