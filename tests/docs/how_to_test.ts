import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { realHost } from "../../lib/host.ts";
import { assertWorkflow } from "../action/workflow.ts";
import { zip } from "../helpers/archives.ts";
import { sha256, tree } from "../helpers/folder.ts";
import { SERVICES, type Shown } from "../report/alerts/services.ts";
import { origin } from "../helpers/origin.ts";
import { httpProxy } from "../helpers/http_proxy.ts";
import { tokenServer } from "../helpers/token_server.ts";
import { tcpProxy } from "../helpers/tcp_proxy.ts";
import { AUTHORITY_FILE, identity } from "../helpers/transport.ts";
import { leadTo, prepareRecipe, type Recipe, RECIPES } from "./recipe.ts";

/** Titles of the recipes that the tests of this file and of others follow. */
const FOLLOWED = new Set(["A mirror in a bucket"]);

/** Registers the test of a recipe. */
function recipeTest(title: string, body: () => Promise<void>): void {
  FOLLOWED.add(title);
  Deno.test(`how to: ${title}`, body);
}

async function published(recipe: Recipe, store: string): Promise<Record<string, string>> {
  return await tree(recipe.folder.file(store));
}

recipeTest("Yesterday's file, every day", async () => {
  const body = `date,rate\n${"2026-01-14,1.0\n".repeat(70)}`;
  await using server = origin({ "/rates/2026-01-14.csv": body });
  await using recipe = await prepareRecipe("Yesterday's file, every day", {
    change: leadTo(server.origin),
  });
  // 00:30 of the 15th in Berlin.
  const { exitCode, stderr } = await recipe.run("cronfetch run --due", "2026-01-14T23:30:00Z");
  assertEquals(exitCode, 0, stderr);
  const file = recipe.folder.file("rates/2026/2026-01-14.csv");
  assertEquals(await Deno.readTextFile(file), body);
});

recipeTest("A file that is published late", async () => {
  await using server = origin({});
  await using recipe = await prepareRecipe("A file that is published late", {
    change: leadTo(server.origin),
  });
  const runAt = async (time: string) =>
    (await recipe.run("cronfetch run --due", `2026-01-15T${time}:00Z`)).exitCode;
  assertEquals([await runAt("06:00"), await runAt("06:15"), server.hits()], [0, 0, 2]);
  assertEquals([await runAt("12:00"), server.hits()], [3, 3]);
  server.route("/closing/2026-01-14.csv", "a,b\n1,2\n");
  assertEquals(await runAt("12:15"), 0);
  assertEquals(await published(recipe, "downloads"), { "2026-01-14.csv": "a,b\n1,2\n" });
});

recipeTest("Daily rates, each day once", async () => {
  const file = (date: string) => [`/eurofxref/${date}.csv`, `date\n${date}\n`] as const;
  const dates = ["2025-12-29", "2025-12-30", "2025-12-31", "2026-01-02"];
  await using server = origin(Object.fromEntries(dates.map(file)));
  await using recipe = await prepareRecipe("Daily rates, each day once", {
    change: (text) => leadTo(server.origin)(text).replace(`"20d"`, `"7d"`),
  });
  // The 4th is a Sunday, the 5th is pending, and the holiday is not requested.
  assertEquals((await recipe.run("cronfetch run --due", "2026-01-04T15:15:00Z")).exitCode, 0);
  assertEquals(server.hits(), 4);
  assertEquals((await recipe.run("cronfetch run --due", "2026-01-05T15:15:00Z")).exitCode, 0);
  const { stdout } = await recipe.run("cronfetch status rates", "2026-01-05T15:20:00Z");
  assertStringIncludes(stdout, "pending    2026-01-05");
  server.route("/eurofxref/2026-01-05.csv", "date\n2026-01-05\n");
  assertEquals((await recipe.run("cronfetch run --due", "2026-01-05T17:15:00Z")).exitCode, 0);
  assertEquals(
    await published(recipe, "downloads"),
    Object.fromEntries([...dates, "2026-01-05"].map((date) => [
      `eurofxref/${date}.csv`,
      `date\n${date}\n`,
    ])),
  );
  assertEquals([...dates].map((date) => server.hits(`/eurofxref/${date}.csv`)), [1, 1, 1, 1]);
});

recipeTest("A file per month", async () => {
  const months = Array.from(
    { length: 12 },
    (_, index) => `2025-${`${index + 1}`.padStart(2, "0")}`,
  );
  await using server = origin(
    Object.fromEntries(months.map((month) => [`/reports/${month}.csv`, `month\n${month}\n`])),
  );
  await using recipe = await prepareRecipe("A file per month", { change: leadTo(server.origin) });
  const { exitCode, stderr } = await recipe.run("cronfetch run --due", "2025-12-31T12:00:00Z");
  assertEquals(exitCode, 0, stderr);
  assertEquals(
    await published(recipe, "downloads"),
    Object.fromEntries(months.map((month) => [`reports/${month}.csv`, `month\n${month}\n`])),
  );
  assertEquals(server.hits(), 12);
});

recipeTest("Fill in older dates", async () => {
  const log: string[] = [];
  const days = Array.from({ length: 31 }, (_, day) => `2025/12/${`${day + 1}`.padStart(2, "0")}`);
  await using server = origin(Object.fromEntries(days.map((day) => [`/prices/${day}.csv`, () => {
    log.push(day);
    return new Response(`day\n${day}\n`);
  }])));
  await using recipe = await prepareRecipe("Fill in older dates", {
    change: leadTo(server.origin),
  });
  const command = "cronfetch run prices --since 2025-12-01 --until 2025-12-31";
  assertMatch((await recipe.run(`${command} --dry-run`)).stdout, /23 of 23 tasks would run/);
  assertEquals(log, []);
  assertEquals((await recipe.run(command)).exitCode, 0);
  assertEquals((await recipe.run(command)).exitCode, 0);
  assertEquals([log.length, new Set(log).size], [23, 23]);
  assertEquals(Object.keys(await published(recipe, "downloads")).length, 23);
});

recipeTest("A secret header", async () => {
  const seen: (string | null)[] = [];
  await using server = origin({
    "/v1/rates.csv": ({ headers }) => {
      seen.push(headers.get("authorization"));
      return seen.length > 1 ? new Response(null, { status: 401 }) : new Response("a,b\n1,2\n");
    },
  });
  await using recipe = await prepareRecipe("A secret header", { change: leadTo(server.origin) });
  assertEquals((await recipe.run("cronfetch run")).exitCode, 0);
  assertEquals(await published(recipe, "downloads"), { "rates.csv": "a,b\n1,2\n" });
  const { exitCode, stderr } = await recipe.run("cronfetch run");
  assertEquals(exitCode, 3);
  assertEquals(seen, ["Bearer the token", "Bearer the token"]);
  assert(!stderr.includes("the token"), stderr);

  await using without = await prepareRecipe("A secret header", {
    change: leadTo(server.origin),
    env: { RATES_TOKEN: "" },
  });
  const missing = await without.run("cronfetch run");
  assertEquals(missing.exitCode, 2);
  assertStringIncludes(missing.stderr, "RATES_TOKEN");
});

recipeTest("An API that requires a token", async () => {
  await using tokens = tokenServer({ clientSecret: "the secret" });
  await using server = origin({
    "/v1/rates.csv": tokens.file("a,b\n1,2\n"),
    "/v1/names.csv": tokens.file("c,d\n3,4\n"),
  });
  await using recipe = await prepareRecipe("An API that requires a token", {
    change: (text) =>
      leadTo(server.origin)(
        text.replace("https://login.example.org/oauth2/token", tokens.tokenUrl),
      ),
  });
  const { exitCode, stderr } = await recipe.run("cronfetch run");
  assertEquals(exitCode, 0, stderr);
  assertEquals(await published(recipe, "downloads"), {
    "rates.csv": "a,b\n1,2\n",
    "names.csv": "c,d\n3,4\n",
  });
  assertEquals(tokens.log.map(({ form }) => form["scope"]), ["rates.read"]);
});

recipeTest("The result of a query", async () => {
  const seen: [string, unknown][] = [];
  await using server = origin({
    "/graphql": async (request) => {
      seen.push([request.method, await request.json()]);
      // GraphQL reports errors with the status 200.
      const errors = { errors: [{ message: "the key has expired" }], data: null };
      return Response.json(seen.length > 1 ? errors : { data: { rates: [] } });
    },
  });
  await using recipe = await prepareRecipe("The result of a query", {
    change: leadTo(server.origin),
  });
  const query = "query ($day: Date) { rates(day: $day) { currency rate } }";
  const first = await recipe.run("cronfetch run", "2026-01-15T06:00:00Z");
  assertEquals(first.exitCode, 0, first.stderr);
  const content = { "rates/2026-01-14.json": '{"data":{"rates":[]}}' };
  assertEquals(await published(recipe, "downloads"), content);
  const second = await recipe.run("cronfetch run", "2026-01-16T06:00:00Z");
  assertEquals(second.exitCode, 3, second.stderr);
  assertEquals(await published(recipe, "downloads"), content);
  assertEquals(
    seen,
    ["2026-01-14", "2026-01-15"].map((day) => [
      "POST",
      { query, variables: { day, key: "the key" } },
    ]),
  );
  assert(!(first.stderr + second.stderr).includes("the key "), second.stderr);
});

recipeTest("A secret in a file", async () => {
  const seen: (string | null)[] = [];
  await using server = origin({
    "/v1/rates.csv": ({ headers }) => {
      seen.push(headers.get("authorization"));
      return new Response("a,b\n1,2\n");
    },
  });
  await using recipe = await prepareRecipe("A secret in a file", {
    change: leadTo(server.origin),
  });
  const missing = await recipe.run("cronfetch run");
  assertEquals([missing.exitCode, seen], [2, []]);
  assertStringIncludes(missing.stderr, "secrets/rates_token");
  await Deno.mkdir(recipe.folder.file("secrets"));
  for (const token of ["the token", "another token"]) {
    await Deno.writeTextFile(recipe.folder.file("secrets/rates_token"), `${token}\n`);
    const { exitCode, stderr } = await recipe.run("cronfetch run");
    assertEquals([exitCode, seen.splice(0)], [0, [`Bearer ${token}`]], stderr);
    assert(!stderr.includes(token), stderr);
  }
});

recipeTest("A file that is generated for each request", async () => {
  const document = (generated: number, rate: number) => JSON.stringify({ generated, rate });
  await using server = origin({ "/v1/rates.json": document(1, 7) });
  await using recipe = await prepareRecipe("A file that is generated for each request", {
    change: leadTo(server.origin),
  });
  const files: Record<string, string>[] = [];
  for (const body of [document(1, 7), document(2, 7), document(3, 8)]) {
    server.route("/v1/rates.json", body);
    assertEquals((await recipe.run("cronfetch run")).exitCode, 0);
    files.push(await published(recipe, "downloads"));
  }
  assertEquals(files.slice(0, 2), Array(2).fill({ "rates.json": document(1, 7) }));
  assertEquals(Object.values(files[2] ?? {}).sort(), [document(1, 7), document(3, 8)]);
});

recipeTest("Tidy a file before it is published", async () => {
  await using server = origin({ "/names.txt": "b\na\nb\n" });
  await using recipe = await prepareRecipe("Tidy a file before it is published", {
    change: leadTo(server.origin),
    execute: realHost().execute,
    env: { PATH: Deno.env.get("PATH") ?? "" },
  });
  const { exitCode, stderr } = await recipe.run("cronfetch run");
  assertEquals(exitCode, 0, stderr);
  assertEquals(await published(recipe, "downloads"), { "names.txt": "a\nb\n" });
});

recipeTest("Run my script when a file changes", async () => {
  await using server = origin({ "/rates.csv": { sequence: ["b\na\n", "b\na\n", "c\nb\n"] } });
  let fails = false;
  const { execute } = realHost();
  await using recipe = await prepareRecipe("Run my script when a file changes", {
    change: leadTo(server.origin),
    execute: (...given) => fails ? Promise.resolve(1) : execute(...given),
    env: { PATH: Deno.env.get("PATH") ?? "" },
  });
  const loaded = () => Deno.readTextFile(recipe.folder.file("loaded.log"));
  for (const _ of ["created", "unchanged"]) {
    assertEquals((await recipe.run("cronfetch run")).exitCode, 0);
    assertEquals(await loaded(), "created rates.csv\n");
    assertEquals(await Deno.readTextFile(recipe.folder.file("sorted.csv")), "a\nb\n");
  }
  fails = true;
  const { exitCode, stderr } = await recipe.run("cronfetch run");
  assertEquals(exitCode, 0);
  assertStringIncludes(stderr, "warning: ");
  fails = false;
  await recipe.run("cronfetch run --due", "2026-01-15T12:30:00Z");
  assertEquals(await loaded(), "created rates.csv\nupdated rates.csv\n");
  assertEquals(await Deno.readTextFile(recipe.folder.file("sorted.csv")), "b\nc\n");
});

recipeTest("Unzip", async () => {
  const feed = zip([
    { name: "stops.txt", body: "a\n" },
    { name: "notes/readme.txt", body: "b\n" },
    { name: "picture.png", body: "c" },
  ]);
  await using server = origin({ "/feed.zip": feed });
  await using recipe = await prepareRecipe("Unzip", { change: leadTo(server.origin) });
  const { exitCode, stderr } = await recipe.run("cronfetch run");
  assertEquals(exitCode, 0, stderr);
  const { "feed.zip": _, ...members } = await published(recipe, "downloads");
  assertEquals(members, { "feed/stops.txt": "a\n" });
});

recipeTest("Ten thousand URLs from a list", async () => {
  const count = 10_000;
  const paths = Array.from({ length: count }, (_, index) => `/tiles/${index + 1}.txt`);
  await using server = origin(Object.fromEntries(paths.map((path) => [path, path])));
  await using recipe = await prepareRecipe("Ten thousand URLs from a list", {
    change: () => paths.map((path) => `${server.origin}${path}\n`).join(""),
  });
  const plan = await recipe.run("cronfetch plan -c urls.txt");
  assertStringIncludes(plan.stdout.slice(-200), "\n10,000 of 10,000 tasks would run");
  assertEquals(server.hits(), 0);
  const command = "cronfetch run -c urls.txt -o tiles --host-concurrency 16";
  const { exitCode, stderr } = await recipe.run(command);
  assertEquals(exitCode, 0, stderr.slice(-1_000));
  const files = await published(recipe, "tiles");
  assertEquals(Object.keys(files).length, count);
  assertEquals(files["9999.txt"], "/tiles/9999.txt");
});

Deno.test("how to: a list with equal names becomes a config", async () => {
  await using server = origin({ "/a/x.csv": "a", "/b/x.csv": "b" });
  await using recipe = await prepareRecipe("Ten thousand URLs from a list", {
    change: () => `${server.origin}/a/x.csv\n${server.origin}/b/x.csv\n`,
  });
  const run = "cronfetch run -c urls.txt -o tiles --host-concurrency 16";
  assertEquals((await recipe.run(run)).exitCode, 2);
  assertEquals(server.hits(), 0);
  const { exitCode } = await recipe.run("cronfetch init cronfetch.jsonc --import urls.txt");
  assertEquals(exitCode, 0);
  const config = await Deno.readTextFile(recipe.folder.file("cronfetch.jsonc"));
  assertStringIncludes(config, '"to": "{path}/"');
});

recipeTest("The last seven versions", async () => {
  let edition = 0;
  await using server = origin({ "/blocklist.txt": () => new Response(`edition ${edition}\n`) });
  await using recipe = await prepareRecipe("The last seven versions", {
    change: leadTo(server.origin),
  });
  for (const day of Array.from({ length: 10 }, (_, index) => index + 10)) {
    // One day without a change makes no version.
    if (day !== 15) edition++;
    const { exitCode, stderr } = await recipe.run(
      "cronfetch run --due",
      `2026-01-${day}T05:01:00Z`,
    );
    assertEquals(exitCode, 0, stderr);
  }
  const files = await published(recipe, "lists");
  const versions = Object.keys(files).filter((name) => name !== "blocklist.txt");
  assertEquals(files["blocklist.txt"], "edition 9\n");
  assertEquals(versions.length, 7);
  for (const name of versions) assertMatch(name, /^blocklist\.202601\d\dT\d{9}Z\.txt$/);
  assertEquals(
    versions.map((name) => files[name]).sort(),
    [2, 3, 4, 5, 6, 7, 8].map((number) => `edition ${number}\n`),
  );
});

recipeTest("A data repository on GitHub", async () => {
  const title = "A data repository on GitHub";
  const yaml = RECIPES.find((recipe) => recipe.title === title)?.blocks
    .find(({ language }) => language === "yaml");
  await assertWorkflow(yaml?.text ?? "");
});

recipeTest("A private authority behind a proxy", async () => {
  const title = "A private authority behind a proxy";
  await using server = origin({ "/a.csv": "a,b\n1,2\n" }, { tls: identity("good") });
  await using proxy = await httpProxy({
    server: server.origin,
    credentials: "reader:the password",
  });
  await using recipe = await prepareRecipe(title, {
    change: (text) =>
      text.replace("*.intranet.example.org", () => "*.example")
        .replace("https://data.intranet.example.org", () => "https://a.example")
        .replace("proxy.example.org:3128", () => new URL(proxy.origin).host),
  });
  await Deno.mkdir(recipe.folder.file("tls"));
  await Deno.copyFile(AUTHORITY_FILE, recipe.folder.file("tls/ca.pem"));
  const { exitCode, stderr } = await recipe.run("cronfetch run");
  assertEquals(exitCode, 0, stderr);
  assertEquals(await published(recipe, "downloads"), { "a.csv": "a,b\n1,2\n" });
  assertEquals(proxy.authorizations.at(-1), `Basic ${btoa("reader:the password")}`);
  assert(!stderr.includes("the password"), stderr);
});

recipeTest("A very large file", async () => {
  const bytes = new Uint8Array(1 << 20).map((_, index) => (index * 7919) % 251);
  const digest = createHash("md5").update(bytes).digest("hex");
  await using server = origin({
    "/planet.osm.pbf.md5": `${digest}  planet.osm.pbf\n`,
    "/planet.osm.pbf": { body: bytes, etag: '"1"', ranges: true },
  });
  await using proxy = await tcpProxy(server.origin);
  proxy.rule = ({ path, earlier }) =>
    path === "/planet.osm.pbf" && earlier === 0 ? { at: "answer body", afterBytes: 700_000 } : null;
  await using recipe = await prepareRecipe("A very large file", { change: leadTo(proxy.origin) });
  const { exitCode, stderr } = await recipe.run("cronfetch run");
  assertEquals(exitCode, 0, stderr);
  const requests = server.log.filter(({ path }) => path === "/planet.osm.pbf");
  assertEquals(requests.length, 2);
  assertMatch(requests[1]?.headers.get("range") ?? "", /^bytes=700000-$/);
  assertEquals(await Deno.readFile(recipe.folder.file("downloads/planet.osm.pbf")), bytes);
});

recipeTest("Checksums", async () => {
  const bytes = new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
  await using server = origin({
    "/tool-1.2.tar.gz": bytes,
    "/SHA256SUMS": `${await sha256(bytes)}  tool-1.2.tar.gz\n`,
  });
  await using recipe = await prepareRecipe("Checksums", { change: leadTo(server.origin) });
  const file = recipe.folder.file("downloads/tool-1.2.tar.gz");
  assertEquals((await recipe.run("cronfetch run")).exitCode, 0);
  assertEquals((await recipe.run("cronfetch verify")).exitCode, 0);
  await Deno.writeFile(file, new Uint8Array([1]));
  assertEquals((await recipe.run("cronfetch verify")).exitCode, 3);
  await recipe.run("cronfetch verify --fix");
  assertEquals((await recipe.run("cronfetch run")).exitCode, 0);
  assertEquals(await Deno.readFile(file), bytes);

  server.route("/tool-1.2.tar.gz", new Uint8Array([...bytes, 9]));
  const { exitCode, stderr } = await recipe.run("cronfetch run");
  assertEquals(exitCode, 3);
  assertStringIncludes(stderr, "expect.digest");
  assertEquals(await Deno.readFile(file), bytes);
  assertEquals((await Deno.readFile(`${file}.refused`)).length, bytes.length + 1);
});

recipeTest("Alerts in a chat", async () => {
  const messages: Shown[] = [];
  await using chat = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      assertEquals(new URL(request.url).pathname, "/services/the%20secret%20part%20of%20the%20URL");
      const headers = Object.fromEntries(request.headers);
      messages.push(SERVICES.slack({ headers, body: await request.text() }));
      return new Response("ok");
    },
  );
  await using server = origin({ "/rates.csv": 404 });
  await using recipe = await prepareRecipe("Alerts in a chat", {
    change: (text) =>
      leadTo(server.origin)(
        text.replace("https://hooks.example.com", () => `http://127.0.0.1:${chat.addr.port}`),
      ),
  });
  const runAt = async (time: string) => {
    const { exitCode } = await recipe.run("cronfetch run --due", time);
    return [exitCode, messages.splice(0).flatMap(({ lines }) => lines).join("\n")];
  };
  assertEquals((await recipe.run("cronfetch alerts test")).exitCode, 0);
  assertEquals(messages.splice(0).map(({ lines }) => lines), [
    ["*test:* alerts of cronfetch arrive here"],
  ]);
  const failed = `*unhealthy:* \`rates.csv\`, 3 failures in a row ` +
    `(fetching ${server.origin}/rates.csv: 404 Not Found)`;
  assertEquals(await runAt("2026-01-15T08:00:00Z"), [3, ""]);
  assertEquals(await runAt("2026-01-15T10:00:00Z"), [3, ""]);
  assertEquals(await runAt("2026-01-15T12:00:00Z"), [3, failed]);
  assertEquals(await runAt("2026-01-15T14:00:00Z"), [3, ""]);
  server.route("/rates.csv", "date,rate\n");
  assertEquals(await runAt("2026-01-15T20:00:00Z"), [0, "*recovered:* \`rates.csv\`"]);
  assertEquals(await runAt("2026-01-18T20:00:00Z"), [0, ""]);
  assertEquals(await runAt("2026-01-22T21:00:00Z"), [
    0,
    "*unchanged:* \`rates.csv\`, the content has not changed since 2026-01-15 20:00 UTC, " +
    "for more than 7d",
  ]);
  server.route("/rates.csv", "date,rate\n2026-01-22,1\n");
  assertEquals(await runAt("2026-01-22T22:00:00Z"), [0, "*changed:* \`rates.csv\`"]);
});

Deno.test("how to: every recipe is followed by a test", () => {
  assertEquals(RECIPES.map(({ title }) => title).toSorted(), [...FOLLOWED].toSorted());
});
