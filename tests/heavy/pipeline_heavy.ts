/** SIGKILL at any moment of a task with transform, unpack, onChange and a manifest. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { delay } from "@std/async";
import { gzipSync } from "node:zlib";
import { tar } from "../helpers/archives.ts";
import { sha256, temporaryFolder } from "../helpers/folder.ts";
import { place, storeTest } from "../helpers/place.ts";
import { seeded } from "./changing_origin.ts";
import { startRun, writeConfig } from "./program.ts";

const KILLS = 200;

/** Kills between two runs that may end. */
const KILLS_IN_A_ROW = 10;

/** Members of the archive; each has other bytes in every version. */
const MEMBERS = Array.from({ length: 8 }, (_, index) => `member-${index}.txt`);

const textOf = (member: string, version: number) => `${member} ${version}\n`.repeat(50);

function archiveOf(version: number): Uint8Array<ArrayBuffer> {
  return tar(MEMBERS.map((name) => ({ name, body: textOf(name, version) })));
}

storeTest(
  `SIGKILL at ${KILLS} moments of a task with transform, unpack and onChange: no member is torn, ` +
    "the next run makes the family whole, and every archive has reached the hook",
  async () => {
    const random = seeded(8400);
    await using folder = await temporaryFolder();
    await using store = await place();
    let version = 0;
    let onRequest = () => {};
    /** From the request of a whole run to its end: the kills are spread over this time. */
    let wholeMs = 0;
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => {
        onRequest();
        return new Response(new Uint8Array(gzipSync(archiveOf(version))));
      },
    );
    const config = await writeConfig(folder.path, {
      ...{ store: store.location, state: `kv:${folder.path}/state.db`, manifest: true },
      tasks: [{
        ...{ id: "feed", url: `http://127.0.0.1:${server.addr.port}/feed`, to: "feed.tar" },
        ...{ transform: ["gzip", "-dc"], unpack: { to: "feed" }, expect: { sniff: false } },
        onChange: [{ command: ["sh", "-c", 'echo "$CRONFETCH_SHA256" >> received'] }],
      }],
    });
    /** Digests of the published archives. */
    const published = new Set<string>();
    /** Kills that left members of several versions. */
    let mixed = 0;

    /** Notes what is published. Returns the versions of the members. */
    const look = async (): Promise<Set<string>> => {
      const archive = await store.read("feed.tar");
      if (archive !== null) published.add(await sha256(archive));
      const versions = new Set<string>();
      for (const member of MEMBERS) {
        const bytes = await store.read(`feed/${member}`);
        const text = bytes === null ? "" : new TextDecoder().decode(bytes);
        const [, found = "none"] = /^\S+ (\d+)\n/.exec(text) ?? [];
        assert(bytes === null || text === textOf(member, Number(found)), `${member} is torn`);
        versions.add(found);
      }
      return versions;
    };

    const runOnce = async (isKilled: boolean) => {
      version++;
      const { promise, resolve } = Promise.withResolvers<void>();
      onRequest = resolve;
      await using program = startRun(config, { env: store.env });
      if (isKilled) {
        await Promise.race([promise.then(() => delay(random() * wholeMs)), program.ended]);
        program.kill();
      }
      return await program.ended;
    };

    const runWhole = async () => {
      let requestedMs = 0;
      const ended = runOnce(false);
      onRequest = () => requestedMs = performance.now();
      const { code, stderr } = await ended;
      assertEquals([code, stderr], [0, ""]);
      wholeMs = performance.now() - requestedMs;
    };

    await runWhole();

    for (let kills = 0; kills < KILLS;) {
      const { signal } = await runOnce(true);
      const versions = await look();
      if (signal !== "SIGKILL") continue;
      if (versions.size > 1) mixed++;
      if (++kills % KILLS_IN_A_ROW > 0) continue;
      await runWhole();
      assertEquals(await look(), new Set([`${version}`]));
      const sums = new TextDecoder().decode(await store.read("SHA256SUMS") ?? new Uint8Array());
      for (const key of ["feed.tar", ...MEMBERS.map((member) => `feed/${member}`)]) {
        const digest = await sha256(await store.read(key) ?? new Uint8Array());
        assert(sums.includes(`${digest}  ${key}\n`), `${key} in ${sums}`);
      }
    }
    assertGreater(mixed, 0, "no kill hit the publication of members");
    const received = (await Deno.readTextFile(folder.file("received"))).split("\n");
    assertEquals([...published].filter((digest) => !received.includes(digest)), []);
    assertGreater(published.size, KILLS / KILLS_IN_A_ROW);
  },
);
