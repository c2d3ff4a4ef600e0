import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../helpers/command_line.ts";
import { CLIENT, tokenServer } from "../../helpers/token_server.ts";
import { rowsOf, workspace } from "../workspace.ts";

/** A client of a token server. */
const client = (tokenUrl: string, clientSecret = "${env:CLIENT_SECRET}") => ({
  oauth2: { tokenUrl, clientId: CLIENT.clientId, clientSecret },
});

Deno.test("doctor: fetches the token of each client, and shows no secret", async () => {
  await using tokens = tokenServer({ expiresIn: 3600, tls: null });
  await using down = tokenServer({
    answer: () => new Response("busy", { status: 503 }),
    tls: null,
  });
  await using at = await workspace({
    auth: {
      "http://192.0.2.7": client(tokens.tokenUrl),
      "http://192.0.2.8": client(tokens.tokenUrl, "${env:WRONG_SECRET}"),
      "http://192.0.2.9": client(down.tokenUrl),
      "https://192.0.2.10": { basic: { user: "reader", password: "${env:WRONG_SECRET}" } },
    },
    tasks: ["http://192.0.2.7/a"],
  });
  const env = { CLIENT_SECRET: CLIENT.clientSecret, WRONG_SECRET: "the wrong one" };
  const host = at.host({ env });
  assertEquals(await main(["doctor", "--json"], host), 3);
  const rows = rowsOf(host.stdout.text).filter(({ check }) => check === "auth");
  const hint = "check tokenUrl, clientId, clientSecret and clientAuth";
  assertEquals(rows, [
    { check: "auth", verdict: "good", message: "http://192.0.2.7: fetched a token, valid for 1h" },
    {
      check: "auth",
      verdict: "wrong",
      message: `http://192.0.2.8: getting a token from ${tokens.tokenUrl}: ` +
        '401 "invalid_client": "unknown: "',
      hint,
    },
    {
      check: "auth",
      verdict: "wrong",
      message: `http://192.0.2.9: getting a token from ${down.tokenUrl}: the server answered 503`,
      hint,
    },
    {
      check: "auth",
      verdict: "good",
      message: "https://192.0.2.10: Basic credentials, which are not tried here",
    },
  ]);
  const shown = host.stdout.text + host.stderr.text;
  for (const secret of [...Object.values(env), ...tokens.tokens]) {
    assertEquals(shown.includes(secret), false, secret);
  }
  assertStringIncludes(host.stdout.text, `192.0.2.7:80,${new URL(tokens.tokenUrl).host}`);
});

Deno.test("doctor: reports missing secrets of auth, and sends none of their requests", async () => {
  await using tokens = tokenServer({ tls: null });
  await using at = await workspace({
    auth: {
      "http://192.0.2.7": client(tokens.tokenUrl),
      "https://192.0.2.8": { basic: { user: "reader", password: "${env:PASSWORD}" } },
      "http://192.0.2.9": client(tokens.tokenUrl, CLIENT.clientSecret),
    },
    tasks: ["http://192.0.2.7/a"],
  });
  const host = at.host();
  assertEquals(await main(["doctor"], host), 3);
  assertMatch(host.stdout.text, /^wrong +secrets +.*CLIENT_SECRET/m);
  assertMatch(host.stdout.text, /^wrong +secrets +.*PASSWORD/m);
  assertMatch(host.stdout.text, /^good +auth +http:\/\/192\.0\.2\.9: fetched a token$/m);
  assertEquals([tokens.log.length, host.stdout.text.match(/^\w+ +auth /gm)?.length], [1, 1]);
});

Deno.test("plan: needs no secret of auth, and fetches no token", async () => {
  await using tokens = tokenServer({ tls: null });
  await using at = await workspace({
    auth: { "http://192.0.2.7": client(tokens.tokenUrl) },
    tasks: ["http://192.0.2.7/a"],
  });
  const host = at.host();
  assertEquals(await main(["plan"], host), 0, host.stderr.text);
  assertEquals(tokens.log.length, 0);
});
