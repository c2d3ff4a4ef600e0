import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { CronfetchError, ERROR_CODES } from "../../lib/core/errors.ts";
import { DriverError, isNotFound, storeError } from "../../lib/store/errors.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { osError } from "./file_system.ts";

for (
  const [systemCode, code] of [
    ["ENOSPC", "store.full"],
    ["EDQUOT", "store.full"],
    ["EACCES", "store.denied"],
    ["EPERM", "store.denied"],
    ["EROFS", "store.denied"],
    ["ENAMETOOLONG", "store.name"],
    ["EILSEQ", "store.name"],
    ["EMFILE", "store.busy"],
    ["ENFILE", "store.busy"],
    ["ENOTDIR", "store.conflict"],
    ["EISDIR", "store.conflict"],
    ["EEXIST", "store.conflict"],
    ["ELOOP", "store.conflict"],
    ["ENOENT", "store.failed"],
    ["EIO", "store.failed"],
    ["EXDEV", "store.failed"],
  ] as const
) {
  Deno.test(`storeError: ${systemCode} is ${code}`, () => {
    const cause = osError(systemCode);
    const error = storeError(`storing "a"`, cause);
    assertEquals(error.code, code);
    assertEquals(error.retry, ERROR_CODES[code].retry);
    assertMatch(error.message, /^storing "a": [a-z].*[^.]$/);
    assertStrictEquals(error.cause, cause);
  });
}

Deno.test("storeError: errors that Deno throws", async () => {
  await using folder = await temporaryFolder();
  const path = folder.path;
  await Deno.writeTextFile(`${path}/file`, "text");
  await Deno.mkdir(`${path}/folder`);
  const open = (name: string) => Deno.open(`${path}/${name}`, { write: true, createNew: true });
  const expected: readonly (readonly [() => Promise<unknown>, string])[] = [
    [() => Deno.lstat(`${path}/${"n".repeat(1000)}`), "store.name"],
    [() => open("file/below"), "store.conflict"],
    [() => open("file"), "store.conflict"],
    [() => Deno.rename(`${path}/file`, `${path}/folder`), "store.conflict"],
    [() => open("gone/below"), "store.failed"],
  ];
  const codes: string[] = [];
  for (const [work] of expected) {
    await work().catch((error) => codes.push(storeError("trying", error).code));
  }
  assertEquals(codes, expected.map(([, code]) => code));
});

Deno.test("storeError names a missing permission of Deno", () => {
  for (const flag of ["--allow-read", "--allow-write", "--allow-all"]) {
    const said = `Requires access to "/x", run again with the ${flag} flag`;
    const error = storeError("storing", new Deno.errors.NotCapable(said));
    assertEquals(error.code, "store.denied");
    assertMatch(error.message, new RegExp(`run again with ${flag}$`));
  }
});

Deno.test("storeError returns a CronfetchError as it is", () => {
  const error = new CronfetchError("cancelled", "interrupted");
  assertStrictEquals(storeError("storing", error), error);
  const refused = storeError("storing", new DriverError("store.conflict", "it is a link"));
  assertEquals([refused.code, refused.message], ["store.conflict", "storing: it is a link"]);
});

Deno.test("storeError: values that are no errors", () => {
  for (const thrown of ["text", null, undefined, new Error("text"), { code: "ENOSPC" }]) {
    assertEquals(storeError("storing", thrown).code, "store.failed");
  }
});

Deno.test("isNotFound: a missing path, or one below a file", () => {
  assert(isNotFound(new Deno.errors.NotFound()));
  assert(isNotFound(new Deno.errors.NotADirectory()));
  assert(!isNotFound(new Deno.errors.PermissionDenied()));
  assert(!isNotFound(osError("ENOENT")));
});
