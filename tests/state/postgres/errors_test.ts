import { assertEquals } from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import { postgresError, remedyFor } from "../../../lib/state/postgres/errors.ts";

/** An error as `pg`, Node or Deno throws it. */
function failure(message: string, code?: string): Error {
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}

Deno.test("postgresError, remedyFor: errors of the server and of the connection", () => {
  const table: [error: Error, remedy: string, code: string, sentence: string][] = [
    [failure("x", "ECONNREFUSED"), "wait", "store.failed", "connection refused"],
    [
      new AggregateError([failure("x", "ECONNREFUSED")]),
      "wait",
      "store.failed",
      "connection refused",
    ],
    [
      failure("Connection terminated unexpectedly"),
      "wait",
      "store.failed",
      "the connection was closed",
    ],
    [
      failure("timeout exceeded when trying to connect"),
      "wait",
      "store.failed",
      "the server does not respond",
    ],
    [failure("Query read timeout"), "wait", "store.failed", "the server does not respond"],
    [failure("x", "57P01"), "wait", "store.failed", "the server is stopping"],
    [failure("x", "57P03"), "wait", "store.failed", "the server is starting or stopping"],
    [failure("x", "08006"), "wait", "store.failed", "the connection was closed"],
    [failure("x", "53300"), "wait", "store.failed", "the server has too many connections"],
    [failure("x", "40P01"), "repeat", "state.locked", "other processes keep changing it"],
    [failure("x", "40001"), "repeat", "state.locked", "other processes keep changing it"],
    [failure("x", "55P03"), "none", "state.locked", "another process keeps it locked"],
    [failure("x", "57014"), "none", "store.failed", "the query took too long"],
    [
      failure("password authentication failed", "28P01"),
      "none",
      "store.denied",
      "password authentication failed",
    ],
    [
      failure("permission denied for table t", "42501"),
      "none",
      "store.denied",
      "permission denied for table t",
    ],
    [failure("x", "25006"), "none", "store.denied", "the database is read-only"],
    [failure("x", "53100"), "none", "store.full", "no space is left"],
    [failure("x", "3D000"), "none", "state.unreadable", "the database does not exist"],
    [failure("x", "42P01"), "none", "state.unreadable", "its tables are missing"],
    [failure("x", "XX001"), "none", "state.unreadable", "the database is damaged"],
    [
      failure("The server does not support SSL connections"),
      "none",
      "store.failed",
      "the server has no TLS",
    ],
    [
      failure("invalid peer certificate: UnknownIssuer"),
      "none",
      "store.failed",
      "its certificate is not trusted",
    ],
    [
      failure("SASL: client password must be a non-empty string"),
      "none",
      "store.denied",
      "it requires a password",
    ],
    [failure("something else", "22000"), "none", "store.failed", "something else"],
  ];
  for (const [error, remedy, code, sentence] of table) {
    const converted = postgresError("writing the state postgres:", error);
    assertEquals(
      [remedyFor(error), converted.code, converted.message],
      [remedy, code, `writing the state postgres:: ${sentence}`],
    );
  }
  const own = new CronfetchError("config.invalid", "a");
  assertEquals([postgresError("b", own), remedyFor(own)], [own, "none"]);
});
