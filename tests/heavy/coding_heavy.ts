/** Content codings of real servers, and of many changed streams. */

import { assertEquals } from "@std/assert";
import type { TaskInput } from "../../lib/config/input.ts";
import { realHost } from "../../lib/host.ts";
import { run } from "../../lib/run.ts";
import { CODINGS, decodeChanged, ENCODERS, sample } from "../content/encoded_samples.ts";
import type { TemporaryFolder } from "../helpers/folder.ts";
import { hostAt, type Place, place, storeTest } from "../helpers/place.ts";
import { APACHE, startApache } from "./apache.ts";
import { NGINX, startNginx } from "./nginx.ts";

const WHOLE = sample(2_000);
const PACKED = ENCODERS.gzip(WHOLE);

/** Serves each encoded file under the extension of its coding. */
async function writeFiles(files: TemporaryFolder): Promise<void> {
  await Deno.writeFile(files.file("static.csv.gz"), PACKED);
  await Deno.writeFile(files.file("whole.csv"), WHOLE);
  for (const coding of CODINGS) {
    await Deno.writeFile(files.file(`${coding}.csv`), ENCODERS[coding](WHOLE));
  }
}

/** Downloads the tasks, and returns their statuses and the sizes of their files by key. */
async function download(tasks: readonly TaskInput[], store: Place): Promise<object> {
  const { results } = await run(
    { store: store.location, state: "memory:", tasks: [...tasks] },
    { host: hostAt(store, realHost()) },
  );
  return Object.fromEntries(
    results.map(({ key, status, sizeBytes, wireBytes, message }) => [
      key,
      [status, sizeBytes, wireBytes, message].filter((fact) => fact !== undefined),
    ]),
  );
}

function test(
  name: string,
  program: string | undefined,
  check: (store: Place) => Promise<void>,
): void {
  const suffix = program === undefined ? " (not installed)" : "";
  storeTest(`${name}${suffix}`, async () => {
    await using store = await place();
    await check(store);
  }, { ignore: program === undefined && Deno.env.get("CI") === undefined });
}

test(
  "nginx: files encoded in advance are decoded, or kept by their format",
  NGINX,
  async (store) => {
    const locations = CODINGS.map((coding) =>
      `location = /${coding}.csv { add_header Content-Encoding ${coding}; }`
    );
    await using nginx = await startNginx({
      server: `location = /static.csv { gzip_static always; } ${locations.join(" ")}
      location = /static.csv.gz { add_header Content-Encoding gzip; }`,
    });
    await writeFiles(nginx.files);
    const names = ["static.csv", "static.csv.gz", ...CODINGS.map((coding) => `${coding}.csv`)];
    const found = await download(names.map((name) => ({ url: `${nginx.origin}/${name}` })), store);
    const decoded = (wireBytes: number) => ["created", WHOLE.length, wireBytes];
    assertEquals(found, {
      "static.csv": decoded(PACKED.length),
      "static.csv.gz": ["created", PACKED.length, PACKED.length],
      ...Object.fromEntries(
        CODINGS.map((coding) => [`${coding}.csv`, decoded(ENCODERS[coding](WHOLE).length)]),
      ),
    });
    assertEquals(await store.read("static.csv"), WHOLE);
    assertEquals(await store.read("static.csv.gz"), PACKED);
  },
);

test("Apache: AddEncoding x-gzip, and gzip whatever is requested", APACHE, async (store) => {
  await using apache = await startApache(`AddEncoding x-gzip .gz
<Location /whole.csv>
  SetEnv force-gzip 1
  SetOutputFilter DEFLATE
</Location>`);
  await writeFiles(apache.files);
  const { origin } = apache;
  const found = await download([
    { url: `${origin}/static.csv.gz` },
    { id: "renamed", url: `${origin}/static.csv.gz`, to: "renamed.csv" },
    { url: `${origin}/whole.csv` },
    {
      id: "kept",
      url: `${origin}/whole.csv`,
      to: "kept.csv",
      decode: "keep",
      expect: { sniff: false },
    },
  ], store);
  const [, , wireBytes] = Object.entries(found).find(([key]) => key === "whole.csv")?.[1] ?? [];
  assertEquals(found, {
    "static.csv.gz": ["created", PACKED.length, PACKED.length],
    "renamed.csv": ["created", WHOLE.length, PACKED.length],
    "whole.csv": ["created", WHOLE.length, wireBytes],
    "kept.csv": ["created", wireBytes, wireBytes],
  });
  assertEquals(await store.read("renamed.csv"), WHOLE);
  assertEquals(await store.read("whole.csv"), WHOLE);
});

for (const coding of CODINGS) {
  Deno.test(`2,500 changed streams of ${coding} are decoded correctly or refused`, async () => {
    await decodeChanged(coding, { rounds: 2_500, seed: 1 });
  });
}
