import { assertEquals, assertRejects } from "@std/assert";
import { detectType } from "../../lib/content/expect.ts";
import { CronfetchError } from "../../lib/core/errors.ts";

// In a file of its own: a failed import is not repeated in a process.
Deno.test({
  name: "detectType rejects without permission for the environment",
  permissions: { env: false, read: true },
  fn: async () => {
    const error = await assertRejects(
      () => detectType(new TextEncoder().encode("%PDF-1.7\n")),
      CronfetchError,
      "--ignore-env",
    );
    assertEquals(error.code, "expect.type");
  },
});
