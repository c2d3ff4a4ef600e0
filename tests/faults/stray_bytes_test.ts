/** Row 138: bytes on a reused connection that are not a response. */

import { assertEquals } from "@std/assert";
import { run } from "../helpers/library.ts";
import { testHost } from "../helpers/host.ts";
import { hostAt, place, socketTest } from "../helpers/place.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { response, WHOLE } from "./scenario.ts";

const TASKS = 200;

const STRAYS = [["letters", "stray"], ["half of a head", "HTTP/1.1 2"]] as const;
const REASON = "it takes them for the next response";

for (const [what, stray] of STRAYS) {
  socketTest(
    `row 138: ${what} after a response affect none of ${TASKS} tasks`,
    REASON,
    async () => {
      await using store = await place();
      await using server = await rawServer(async (connection) => {
        const answer = response([`Content-Length: ${WHOLE.length}`], WHOLE);
        for (let count = 0;; count++) {
          await connection.readRequest();
          // They follow the previous response, and arrive after the client has sent the next request.
          const isLate = count > 0 && connection.index % 2 === 0;
          await connection.send(isLate ? stray + answer : answer);
        }
      });
      const { results } = await run({
        store: store.location,
        state: "memory:",
        tasks: Array.from({ length: TASKS }, (_, at) => ({
          id: `t${at}`,
          url: `${server.origin}/${at}`,
          retry: { attempts: 1 },
        })),
      }, { host: hostAt(store, testHost()) });
      assertEquals(server.requests.length > TASKS, true);
      assertEquals(results.filter(({ status }) => status !== "created"), []);
      assertEquals(results.every(({ attempts }) => attempts.length === 1), true);
      for (let at = 0; at < TASKS; at++) {
        const requests = server.requests.filter((request) => request === `GET /${at}`).length;
        assertEquals(requests === 1 || requests === 2, true, `${requests} requests for /${at}`);
      }
    },
  );
}
