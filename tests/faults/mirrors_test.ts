/** Mirrors of a file. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { shown } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import type { Origin, Route } from "../helpers/origin.ts";
import { folderTest, storeTest } from "../helpers/place.ts";
import { CUT, FILE, NEWER, part, scripted, unhurriedHost, whole } from "./broken_bodies.ts";
import { parts, runsOver } from "./runs.ts";
import type { Runs } from "./runs.ts";

const TEXT = "the bytes of the file\n";

/** Three URLs of one file, by their content. */
interface Places extends AsyncDisposable {
  readonly runs: Runs;
  readonly own: Origin;
  readonly first: Origin;
  readonly second: Origin;
  /** Runs once: the status, and the name of the URL that served the file. */
  ask(): Promise<unknown[]>;
  /** Names of the URLs requested since the last call, with their conditions. */
  asked(): string[];
}

async function places(
  own: Route,
  first: Route,
  second: Route,
  attempts = 1,
): Promise<Places> {
  const servers = {
    own: origin({ "/file.bin": own }),
    first: origin({ "/file.bin": first }),
    second: origin({ "/file.bin": second }),
  };
  const names = new Map(Object.entries(servers).map(([name, server]) => [server.origin, name]));
  const runs = await runsOver();
  const url = (server: Origin): string => `${server.origin}/file.bin`;
  const seen = new Map<Origin, number>();
  return {
    ...servers,
    runs,
    async ask() {
      const result = await runs.result({
        id: "file",
        url: url(servers.own),
        mirrors: [url(servers.first), url(servers.second)],
        retry: { attempts },
      });
      assertEquals(result.url, url(servers.own));
      const from = result.servedFrom === null ? null : new URL(result.servedFrom).origin;
      return [result.status, from && names.get(from), result.attempts.map(({ code }) => code)];
    },
    asked() {
      return Object.entries(servers).flatMap(([name, server]) => {
        const known = seen.get(server) ?? 0;
        seen.set(server, server.log.length);
        return server.log.slice(known).map(({ headers }) =>
          [name, headers.get("if-none-match")].filter((said) => said !== null).join(" ")
        );
      });
    },
    async [Symbol.asyncDispose]() {
      for (const server of Object.values(servers)) await server[Symbol.asyncDispose]();
      await runs[Symbol.asyncDispose]();
    },
  };
}

storeTest("a mirror is requested only after the URLs before it have failed", async () => {
  await using sound = await places(TEXT, "first", "second");
  assertEquals(await sound.ask(), ["created", "own", [null]]);
  assertEquals(sound.asked(), ["own"]);

  await using broken = await places(404, TEXT, "second");
  assertEquals(await broken.ask(), ["created", "first", ["http.status", null]]);
  assertEquals(broken.asked(), ["own", "first"]);
  assertEquals(await broken.runs.tree(), { "file.bin": TEXT });

  await using worse = await places(503, 410, TEXT, 2);
  assertEquals(await worse.ask(), [
    "created",
    "second",
    ["http.status", "http.status", "http.status", null],
  ]);
  assertEquals(worse.asked(), ["own", "own", "first", "second"]);
});

storeTest("content that fails an expectation is requested from the mirror", async () => {
  await using stage = await places("", TEXT, "second");
  assertEquals(await stage.ask(), ["created", "first", ["body.too-small", null]]);
});

storeTest("if all mirrors fail, the result describes the failure of the task's URL", async () => {
  await using stage = await places(403, 404, 410);
  const { own, first, second } = stage;
  const result = await stage.runs.result({
    url: `${own.origin}/file.bin`,
    mirrors: [`${first.origin}/file.bin`, `${second.origin}/file.bin`],
  });
  assertEquals(
    [result.status, result.code, result.httpStatus, result.servedFrom],
    ["failed", "http.status", 403, `${own.origin}/file.bin`],
  );
  assertEquals(result.attempts.map(({ httpStatus }) => httpStatus), [403, 404, 410]);
  assertStringIncludes(result.message ?? "", `${own.origin}/file.bin`);
  assertStringIncludes(result.message ?? "", "403");
});

storeTest("a busy host is parked although its mirror failed as well", async () => {
  await using stage = await places({ status: 503, headers: { "retry-after": "7200" } }, 404, 404);
  assertEquals((await stage.ask())[0], "deferred");
  assertEquals(stage.asked(), ["own", "first", "second"]);
});

storeTest("validators are sent only to the URL that they came from", async () => {
  await using stage = await places(404, { body: TEXT, etag: '"m"' }, "second");
  assertEquals(await stage.ask(), ["created", "first", ["http.status", null]]);
  assertEquals(stage.asked(), ["own", "first"]);
  assertEquals(await stage.ask(), ["unchanged", "first", ["http.status", null]]);
  assertEquals(stage.asked(), ["own", 'first "m"']);

  stage.own.route("/file.bin", { body: TEXT, etag: '"o"' });
  assertEquals(await stage.ask(), ["unchanged", "own", [null]]);
  assertEquals(stage.asked(), ["own"]);
  assertEquals(await stage.ask(), ["unchanged", "own", [null]]);
  assertEquals(stage.asked(), ['own "o"']);
});

const OWN_TAG = 'ETag: "o"';
const MIRROR_TAG = 'ETag: "m"';

storeTest("a partial file is resumed only from the URL that it came from", async () => {
  await using own = await scripted([
    whole(FILE, [OWN_TAG], CUT),
    "",
    part(FILE, CUT, [OWN_TAG]),
  ]);
  await using mirror = await scripted([whole(FILE, [MIRROR_TAG], CUT)]);
  await using runs = await runsOver({ host: unhurriedHost() });
  const task = {
    url: own.url,
    mirrors: [mirror.url],
    retry: { attempts: 1, budget: "10h" },
  };
  const ask = async (): Promise<unknown[]> => {
    const { status, code, attempts } = await runs.result(task);
    return [status, code ?? null, attempts.length];
  };

  assertEquals(await ask(), ["failed", "body.truncated", 2]);
  assertEquals(parts(await runs.tree()), 1, "that of the first place");
  assertEquals(await ask(), ["failed", "net.reset", 2]);
  assertEquals(await ask(), ["created", null, 1]);
  const continued = [`bytes=${CUT}-`, '"o"'];
  assertEquals([own.asked, mirror.asked], [[null, continued, continued], [null, null]]);
  assertEquals(await runs.tree(), { "file.bin": await shown(FILE) });
});

storeTest("a file published from a mirror leaves no partial file of another URL", async () => {
  await using own = await scripted([whole(FILE, [OWN_TAG], CUT)]);
  await using mirror = await scripted([whole(NEWER, [MIRROR_TAG])]);
  await using runs = await runsOver({ host: unhurriedHost() });
  const result = await runs.result({
    url: own.url,
    mirrors: [mirror.url],
    retry: { attempts: 1 },
  });
  assertEquals([result.status, own.asked, mirror.asked], ["created", [null], [null]]);
  assertEquals(await runs.tree(), { "file.bin": await shown(NEWER) });
});

folderTest("no mirror is requested after a store failure", async () => {
  await using stage = await places(TEXT, TEXT, TEXT, 3);
  await Deno.mkdir(join(stage.runs.store.location, "file.bin"), { recursive: true });
  assertEquals(await stage.ask(), ["failed", "own", ["store.conflict"]]);
  assertEquals(stage.asked(), ["own"]);
});
