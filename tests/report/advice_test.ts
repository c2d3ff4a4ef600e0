import { assertEquals, assertMatch } from "@std/assert";
import { ERROR_CODES, type ErrorCode } from "../../lib/core/errors.ts";
import { advice } from "../../lib/report/advice.ts";

Deno.test("advice knows the status of an answer", () => {
  const cases: [ErrorCode, number | null, string | null][] = [
    ["http.status", 404, "check the URL"],
    ["http.status", 401, "check the headers and the secret"],
    ["http.status", 403, "check the headers and the secret"],
    ["http.status", 410, "the file is gone for good: take the task out"],
    ["http.status", 500, "the server has a problem; try again later"],
    ["http.status", 599, "the server has a problem; try again later"],
    ["http.status", 418, "check the URL in a browser"],
    ["http.status", null, "check the URL in a browser"],
    ["timeout.idle", 404, "raise timeout.idle if the server is slow"],
    ["cancelled", null, null],
  ];
  for (const [code, status, expected] of cases) assertEquals(advice(code, status), expected);
});

Deno.test("every advice is a clause that can follow a sentence", () => {
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    const clause = advice(code, null);
    if (clause !== null) assertMatch(clause, /^[a-z][^\n]*[^.\s]$/, code);
  }
});
