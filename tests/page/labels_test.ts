import { assertEquals } from "@std/assert";
import { problemOf } from "../../lib/page/labels.ts";
import type { RecentResult, TaskRecord } from "../../lib/state/state.ts";

Deno.test("problemOf: names the reason of a failure, and the state of a pending file", () => {
  const table = [
    [{ status: "failed", code: "http.status", message: "404 Not Found" }, "404 Not Found"],
    [{ status: "pending", code: "http.status", message: "404 Not Found" }, "not published yet"],
    [{ status: "updated", code: null, message: null }, null],
  ] as const;
  for (const [result, reason] of table) {
    const results = [{ ...result, httpStatus: 404 } as RecentResult];
    assertEquals(problemOf({ record: { results } as unknown as TaskRecord } as never), reason);
  }
});
