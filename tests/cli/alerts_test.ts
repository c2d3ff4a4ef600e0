import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { rowsOf, workspace } from "./workspace.ts";

/** A webhook that answers with a status, and counts its requests. */
function webhook(status: number) {
  let hits = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      await request.text();
      hits++;
      return new Response(status === 204 ? null : "no_service", { status });
    },
  );
  return {
    host: `127.0.0.1:${server.addr.port}`,
    hits: () => hits,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("alerts test: a row for each target, without its secret; exit 3 if one failed", async () => {
  await using good = webhook(204);
  await using gone = webhook(404);
  await using busy = webhook(503);
  await using at = await workspace({
    alerts: [
      { webhook: `http://${good.host}/services/hush-hush`, format: "slack" },
      { webhook: `http://${gone.host}/hush-hush?token=${"${env:TOKEN}"}` },
      { command: ["mail-me", "hush-hush"] },
      { webhook: `http://${busy.host}/topic`, format: "ntfy" },
    ],
    tasks: ["https://files.test/a"],
  });
  const host = at.host({ env: { TOKEN: "hush-hush" } });
  assertEquals(await main(["alerts", "test"], host), 3);
  const width = Math.max(...[good, gone, busy].map(({ host }) => host.length));
  assertEquals(host.stdout.text.split("\n"), [
    `RESULT  ALERT  ${"TARGET".padEnd(width)}  FORMAT   DETAILS`,
    `sent    1      ${good.host.padEnd(width)}  slack`,
    `failed  2      ${gone.host.padEnd(width)}  json     the server answered 404: no_service; ` +
    "check the URL: the webhook may have been removed",
    `sent    3      ${"mail-me".padEnd(width)}  command`,
    `failed  4      ${busy.host.padEnd(width)}  ntfy     the server answered 503: no_service; ` +
    "try again later",
    "",
  ]);
  assertEquals(host.stderr.text, "");
  assertEquals([good, gone, busy].map((hook) => hook.hits()), [1, 1, 1]);
  assertEquals(host.slept.filter((durationMs) => durationMs > 0), []);
  assertEquals(
    JSON.parse(host.executed[0]?.input ?? "").text,
    "cronfetch\ntest: alerts of cronfetch arrive here",
  );
  assertEquals((await at.records()).size, 0);

  const json = at.host({ env: { TOKEN: "hush-hush" } });
  assertEquals(await main(["alerts", "test", "--json", "--to", "2"], json), 3);
  assertEquals(rowsOf(json.stdout.text), [{
    ...{ alert: 2, target: gone.host, format: "json", sent: false },
    message: "the server answered 404: no_service",
    hint: "check the URL: the webhook may have been removed",
  }]);
  const one = at.host({ env: { TOKEN: "hush-hush" } });
  assertEquals(await main(["alerts", "test", "--to", "3"], one), 0);
});

Deno.test("alerts test: a secret in the host of a webhook is not shown", async () => {
  await using at = await workspace({
    alerts: [{ webhook: "https://${env:TOKEN}.hooks.example.org/" }],
    tasks: [],
  });
  for (const args of [[], ["--json"]]) {
    const host = at.host({ env: { TOKEN: "hush-hush" } });
    assertEquals(await main(["alerts", "test", ...args], host), 3);
    assertStringIncludes(host.stdout.text, "***.hooks.example.org");
    assertEquals(host.stdout.text.includes("hush"), false);
  }
});

Deno.test("alerts test: usage", async () => {
  const command = { command: ["mail-me"] };
  const table: readonly (readonly [alerts: readonly object[], args: string[], message: string])[] =
    [
      [[], [], 'the config has no alerts\nhint: add "alerts" to it'],
      [[command], ["--to", "2"], '--to must be 1, as the config has one alert, not "2"'],
      [[command, command], ["--to", "0"], '--to must be a number from 1 to 2, not "0"'],
      [[command, command], ["--to", "x"], '--to must be a number from 1 to 2, not "x"'],
    ];
  for (const [alerts, args, message] of table) {
    await using at = await workspace({ alerts, tasks: [] });
    const host = at.host();
    assertEquals(await main(["alerts", "test", ...args], host), 2, message);
    assertStringIncludes(host.stderr.text, message);
    assertEquals(host.executed, []);
  }
  await using at = await workspace({ tasks: [] });
  for (const args of [[], ["list"]]) {
    assertEquals(await main(["alerts", ...args], at.host()), 2, args.join());
  }
});
