import { assertEquals, assertInstanceOf, assertMatch, assertStrictEquals } from "@std/assert";
import {
  CronfetchError,
  ERROR_CODES,
  type ErrorCode,
  type ErrorCodeMeaning,
  hintFor,
  type Retry,
} from "../../lib/core/errors.ts";

/** The contract with scripts and alerts: a code is never renamed or removed. */
const CONTRACT: Readonly<Record<ErrorCode, Retry>> = {
  "usage": "never",
  "config.not-found": "never",
  "config.syntax": "never",
  "config.unknown-key": "never",
  "config.invalid": "never",
  "config.missing-secret": "never",
  "config.collision": "never",
  "net.dns": "later",
  "net.refused": "later",
  "net.reset": "later",
  "net.failed": "later",
  "tls.untrusted": "never",
  "tls.failed": "never",
  "timeout.connect": "later",
  "timeout.response": "later",
  "timeout.idle": "later",
  "timeout.attempt": "later",
  "timeout.deadline": "later",
  "http.status": "never",
  "auth.failed": "never",
  "http.protocol": "never",
  "redirect.loop": "never",
  "redirect.insecure": "never",
  "redirect.body": "never",
  "redirect.private": "never",
  "body.truncated": "later",
  "body.too-large": "never",
  "body.too-small": "never",
  "content.coding": "later",
  "content.transform": "never",
  "content.unpack": "never",
  "list.invalid": "never",
  "list.shrunk": "never",
  "expect.type": "never",
  "expect.digest": "never",
  "expect.shrunk": "never",
  "expect.matches": "never",
  "store.full": "later",
  "store.denied": "never",
  "store.conflict": "never",
  "store.name": "never",
  "store.busy": "later",
  "store.failed": "later",
  "hook.failed": "later",
  "state.locked": "later",
  "state.unreadable": "never",
  "cancelled": "later",
  "internal": "never",
};

Deno.test("ERROR_CODES: the codes and their retry values are a contract", () => {
  const retries = Object.entries(ERROR_CODES).map(([code, { retry }]) => [code, retry]);
  assertEquals(Object.fromEntries(retries), CONTRACT);
});

Deno.test("ERROR_CODES: each code has the same form, and a clause as its meaning", async (t) => {
  const codes: readonly (readonly [string, ErrorCodeMeaning])[] = Object.entries(ERROR_CODES);
  for (const [code, { meaning }] of codes) {
    await t.step(code, () => {
      assertMatch(code, /^[a-z]+(?:\.[a-z]+(?:-[a-z]+)*)?$/);
      // A clause: it is part of tables and sentences.
      assertMatch(meaning, /^(?:[a-z]|TLS).*[^.]$/);
    });
  }
});

Deno.test("CronfetchError: the code determines retry", async (t) => {
  for (const [code, retry] of Object.entries(CONTRACT) as [ErrorCode, Retry][]) {
    await t.step(code, () => {
      const error = new CronfetchError(code, "Fetching a file: it failed");
      assertInstanceOf(error, Error);
      assertEquals(
        { ...error, name: error.name, message: error.message },
        {
          name: "CronfetchError",
          message: "Fetching a file: it failed",
          code,
          retry,
          httpStatus: null,
          hint: null,
        },
      );
      assertEquals("cause" in error, false);
    });
  }
});

Deno.test("CronfetchError: options override the retry value of the code", () => {
  const cause = new TypeError("underneath");
  const error = new CronfetchError("http.status", "Fetching a file: status 503", {
    cause,
    retry: "later",
    httpStatus: 503,
    pauseMs: 1000,
  });
  assertStrictEquals(error.cause, cause);
  assertEquals([error.retry, error.httpStatus, error.pauseMs], ["later", 503, 1000]);
  assertEquals(new CronfetchError("net.reset", "it failed").pauseMs, null);
  assertEquals(String(error), "CronfetchError: Fetching a file: status 503");
});

Deno.test("hintFor: the hint depends on the status", () => {
  const cases: [ErrorCode, number | null, string | null][] = [
    ["http.status", 404, "check the URL"],
    [
      "http.status",
      401,
      "set the credentials of this origin in auth, or check those in the headers",
    ],
    ["http.status", 403, "check what the credentials in auth or the headers permit"],
    ["http.status", 410, "the file is gone for good: remove the task"],
    ["http.status", 500, "the server has a problem; try again later"],
    ["http.status", 599, "the server has a problem; try again later"],
    ["http.status", 418, "check the URL in a browser"],
    ["http.status", null, "check the URL in a browser"],
    ["timeout.idle", 404, "raise timeout.idle if the server is slow"],
    ["cancelled", null, null],
  ];
  for (const [code, status, expected] of cases) assertEquals(hintFor(code, status), expected);
});

Deno.test("hintFor: every hint is a clause that can follow a sentence", () => {
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    const clause = hintFor(code, null);
    if (clause !== null) assertMatch(clause, /^[a-z][^\n]*[^.\s]$/, code);
  }
});
