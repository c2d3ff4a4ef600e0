/**
 * Selects how the servers of tests are reached: `CRONFETCH_TEST_TRANSPORT=https` puts them behind
 * TLS, `=fetch` takes the sockets from the test host, so that all requests use `fetch`. The tests are
 * the same.
 */

import { fromFileUrl } from "@std/path";

/** The ways to reach a server. */
const TRANSPORTS = ["http", "https", "fetch"] as const;

/** That of all tests in this process. */
export const TRANSPORT: typeof TRANSPORTS[number] = transportOf(
  Deno.env.get("CRONFETCH_TEST_TRANSPORT") ?? "",
);

function transportOf(text: string): typeof TRANSPORTS[number] {
  const transport = TRANSPORTS.find((one) => one === (text || "http"));
  if (transport === undefined) {
    throw new Error(`CRONFETCH_TEST_TRANSPORT is one of ${TRANSPORTS.join(", ")}, not "${text}"`);
  }
  return transport;
}

/** Whether all requests use `fetch`. */
export const BY_FETCH: boolean = TRANSPORT === "fetch";

/** A certificate and its private key, in PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** The certificates in `tests/fixtures/tls`, of which its README has a table. */
export type IdentityName = "good" | "expired" | "elsewhere" | "self_signed" | "client";

/** Reads a certificate and its key. */
export function identity(name: IdentityName): Identity {
  return { cert: fixture(`${name}.crt`), key: fixture(`${name}.key`) };
}

/** The certificate of the authority that signed the others, in PEM. */
export const AUTHORITY: string = fixture("authority.crt");

/** Its path, for `DENO_CERT` in the environment of a program. */
export const AUTHORITY_FILE: string = fromFileUrl(fixtureUrl("authority.crt"));

/** The identity of servers that name none; null for those in clear text. */
export const SERVER_IDENTITY: Identity | null = TRANSPORT === "https" ? identity("good") : null;

/** The scheme of URLs of a server with this identity. */
export function schemeOf(tls: Identity | null): "http" | "https" {
  return tls === null ? "http" : "https";
}

function fixture(name: string): string {
  return Deno.readTextFileSync(fixtureUrl(name));
}

function fixtureUrl(name: string): URL {
  return new URL(`../fixtures/tls/${name}`, import.meta.url);
}
