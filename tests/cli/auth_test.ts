import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { tree } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import { CLIENT, tokenServer } from "../helpers/token_server.ts";
import { workspace } from "./workspace.ts";

Deno.test("run: output, state, report and alerts have no token that a server repeats", async () => {
  await using tokens = tokenServer({ expiresIn: 3600 });
  const tokenOf = (request: Request) => request.headers.get("authorization")?.slice(7) ?? "none";
  await using api = origin({
    // In a URL, in an error, in JSON and in a header.
    "/moved": (request) =>
      new Response(null, { status: 302, headers: { location: `/a?t=${tokenOf(request)}` } }),
    "/a": "the file",
    "/denied": (request) => new Response(`no access with ${tokenOf(request)}`, { status: 403 }),
    "/broken": (request) => Response.json({ message: tokenOf(request) }, { status: 400 }),
    "/realm": (request) =>
      new Response(null, {
        status: 401,
        headers: { "www-authenticate": `Bearer realm="${tokenOf(request)}"` },
      }),
  });
  const paths = ["moved", "denied", "broken", "realm"];
  await using at = await workspace({
    auth: {
      [api.origin]: {
        oauth2: { tokenUrl: tokens.tokenUrl, ...CLIENT, clientSecret: "${env:CLIENT_SECRET}" },
      },
    },
    alertAfter: 1,
    alerts: [{ command: ["notify"] }],
    tasks: paths.map((path) => ({ id: path, to: path, url: `${api.origin}/${path}` })),
  });
  const host = at.host({ env: { CLIENT_SECRET: CLIENT.clientSecret } });
  assertEquals(await main(["run", "-v", "--json", "--report", "html=page.html"], host), 3);
  assertEquals(await main(["run", "-v", "--force"], host), 3);
  assertEquals(await main(["status", "denied"], host), 0);

  const { downloads: _, ...files } = await tree(at.folder.path);
  const dump = [
    host.stdout.text,
    host.stderr.text,
    ...host.files.values(),
    JSON.stringify(host.executed),
    JSON.stringify(files),
  ].join("\n");
  assertStringIncludes(dump, "no access with ***");
  assertStringIncludes(dump, "/a?t=***");
  assert(tokens.tokens.length > 0);
  for (const secret of [CLIENT.clientSecret, ...tokens.tokens]) {
    assertEquals(dump.includes(secret), false, secret);
    assertEquals(dump.includes(btoa(secret).replaceAll("=", "")), false, secret);
  }
});
