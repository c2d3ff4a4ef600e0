// Connections that end at a chosen statement.

import { assertEquals } from "@std/assert";
import { createConnection, createServer, type Socket } from "node:net";
import { testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { sharedPostgres } from "../helpers/postgres.ts";
import { realSleeps } from "../state/fixture.ts";
import { record } from "../state/samples.ts";

const { ignore, server } = sharedPostgres();

/** When a connection ends: before the server receives the statement, or instead of its response. */
type Cut = "before" | "after";

/** A proxy to Postgres that cuts connections, once for each cut, at a message with `text`. */
async function cuttingProxy(port: number, text: string, cuts: Cut[]) {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = createConnection(port, "127.0.0.1");
    let cut: Cut | null = null;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (bytes: Uint8Array) => {
      if (cuts.length > 0 && new TextDecoder().decode(bytes).includes(text)) {
        cut = cuts.shift() ?? null;
      }
      if (cut === "before") end();
      else upstream.write(bytes);
    });
    upstream.on("data", (bytes: Uint8Array) => {
      if (cut === "after") end();
      else client.write(bytes);
    });
  });
  await new Promise<void>((ready) => void proxy.listen(0, "127.0.0.1", ready));
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new TypeError("no port");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((done) => void proxy.close(() => done()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

for (const cuts of [["after"], ["before"], ["before", "after"]] as const) {
  Deno.test({
    name: `postgres: changes are written once if connections end ${cuts.join(" and ")} COMMIT`,
    ignore,
  }, async () => {
    const database = await server().makeDatabase();
    const { port } = server().connection;
    const left: Cut[] = [];
    await using proxy = await cuttingProxy(port, "COMMIT", left);
    const host = realSleeps(testHost({ timers: "manual" }));
    const url = server().url(database).replace(`:${port}`, `:${proxy.port}`);
    await using state = await openState(url, host);
    for (let count = 1; count <= 2; count++) {
      state.save(record(`task-${count}`));
      state.addEvaluation();
      left.push(...cuts);
      await state.flush();
      assertEquals(left, []);
    }
    const evaluations = "SELECT sum(value) FROM cronfetch.days WHERE amount = 'evaluations'";
    assertEquals(await server().sql(database, evaluations), "2\n");
    assertEquals((await state.allRecords()).size, 2);
  });
}
