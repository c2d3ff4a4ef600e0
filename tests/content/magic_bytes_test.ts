import { assertEquals, assertRejects } from "@std/assert";
import { detectType } from "../../lib/content/magic_bytes.ts";
import { CronfetchError } from "../../lib/core/errors.ts";

// Alone in its file: what could not be loaded once is not tried again in a process.
Deno.test({
  name: "without access to the environment, no binary type is taken on trust",
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
