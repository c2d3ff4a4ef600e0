import { assertEquals } from "@std/assert";
import type { ConfigInput } from "../../lib/config/input.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { load, loadInput, makeFiles, problemLinesOf } from "./loading.ts";

type Auth = NonNullable<ConfigInput["auth"]>;

const SECRETS = { PW: "p:ä&ss", TOKEN: "token-1234", S: "client secret" };

const OAUTH2 = {
  tokenUrl: "https://login.example.org/token#x",
  clientId: "reader",
  clientSecret: "${env:S}",
};

Deno.test("auth: compiles each kind of credentials, with secrets substituted", async () => {
  const { auth, secrets, warnings } = await loadInput({
    auth: {
      "https://API.example.org/": { basic: { user: "me", password: "${env:PW}" } },
      "https://api.example.org:8443": { bearer: "${env:TOKEN}" },
      "http://127.0.0.1:8080": { oauth2: OAUTH2 },
      "https://x.example.org": {
        oauth2: { ...OAUTH2, scope: "a b", audience: "https://x", clientAuth: "post" },
      },
    },
  }, { env: SECRETS });
  const client = {
    kind: "oauth2",
    tokenUrl: "https://login.example.org/token",
    clientId: "reader",
    clientSecret: "client secret",
  } as const;
  assertEquals(auth, [
    {
      origin: "https://api.example.org",
      credentials: { kind: "fixed", scheme: "Basic", authorization: "Basic bWU6cDrDpCZzcw==" },
    },
    {
      origin: "https://api.example.org:8443",
      credentials: { kind: "fixed", scheme: "Bearer", authorization: "Bearer token-1234" },
    },
    {
      origin: "http://127.0.0.1:8080",
      credentials: { ...client, scope: null, audience: null, clientAuth: "basic" },
    },
    {
      origin: "https://x.example.org",
      credentials: { ...client, scope: "a b", audience: "https://x", clientAuth: "post" },
    },
  ]);
  assertEquals(new Set(secrets), new Set([...Object.values(SECRETS), `me:${SECRETS.PW}`]));
  assertEquals(warnings, []);
});

Deno.test("auth: literal secrets are redacted too", async () => {
  const { secrets } = await loadInput({
    auth: {
      "https://a.example": { basic: { user: "me", password: "word" } },
      "https://b.example": { bearer: "bearer-token" },
      "https://c.example": { oauth2: { ...OAUTH2, clientSecret: "the-secret" } },
    },
  });
  assertEquals(new Set(secrets), new Set(["word", "me:word", "bearer-token", "the-secret"]));
});

Deno.test("auth: an origin in several files has the entry of the last one", async () => {
  await using folder = await temporaryFolder();
  const text = (auth: Auth) => JSON.stringify({ auth });
  await makeFiles(folder, {
    "a.json": text({
      "https://a.example": { bearer: "one" },
      "https://b.example": { bearer: "b" },
    }),
    "b.json": text({ "https://a.example:443": { bearer: "two" } }),
  });
  const { auth } = await load({ files: ["a.json", "b.json"].map((name) => folder.file(name)) });
  const shown = auth.map(({ origin, credentials }) => [
    origin,
    credentials.kind === "fixed" && credentials.authorization,
  ]);
  assertEquals(shown, [["https://a.example", "Bearer two"], ["https://b.example", "Bearer b"]]);
});

const ORIGIN =
  'must be an origin such as "https://api.example.org" or "https://api.example.org:8443"';
const basic = { user: "me", password: "word" };

const PROBLEMS: readonly (readonly [Auth, problem: string])[] = [
  [
    { "api.example.org": { basic } },
    `auth["api.example.org"] ${ORIGIN}; did you mean "https://api.example.org"?`,
  ],
  [
    { "https://api.example.org/v1": { basic } },
    `auth["https://api.example.org/v1"] ${ORIGIN}; did you mean "https://api.example.org"?`,
  ],
  [
    { "https://*.example.org": { basic } },
    `auth["https://*.example.org"] ${ORIGIN}; a wildcard is not possible: one entry per origin`,
  ],
  [{ "ftp://example.org": { basic } }, `auth["ftp://example.org"] ${ORIGIN}`],
  [
    { "https://a.example": { basic }, "https://a.example:443": { basic } },
    'auth["https://a.example:443"] is the same origin as "https://a.example"',
  ],
  [
    { "https://a.example": {} },
    'auth["https://a.example"] must have one of basic, bearer and oauth2',
  ],
  [
    { "https://a.example": { basic, bearer: "x" } },
    'auth["https://a.example"] must have one of basic, bearer and oauth2',
  ],
  [
    { "https://a.example": { basic: { user: "a:b", password: "word" } } },
    'auth["https://a.example"].basic.user must not contain a colon, which ends it (RFC 7617)',
  ],
  [
    { "https://a.example": { bearer: "Bearer abc-def" } },
    'auth["https://a.example"].bearer must be the token alone, without the word Bearer',
  ],
  [
    { "https://a.example": { bearer: "abc def" } },
    'auth["https://a.example"].bearer must not contain white space',
  ],
  [
    { "https://a.example": { bearer: "${file:/nowhere}" } },
    'auth["https://a.example"].bearer needs the file "/nowhere", which does not exist; ' +
    "relative paths start at the config's folder",
  ],
  [
    { "https://a.example": { oauth2: { ...OAUTH2, tokenUrl: "login" } } },
    'auth["https://a.example"].oauth2.tokenUrl must be a URL such as ' +
    '"https://login.example.org/oauth2/token"',
  ],
  [
    { "https://a.example": { oauth2: { ...OAUTH2, tokenUrl: "https://a:hush@b.example/" } } },
    'auth["https://a.example"].oauth2.tokenUrl must not contain a user name or password: ' +
    "set clientId, clientSecret",
  ],
];

Deno.test("auth: reports each mistake", async (t) => {
  for (const [auth, problem] of PROBLEMS) {
    await t.step(problem, async () => {
      const lines = await problemLinesOf(loadInput({ auth }, { env: SECRETS }));
      assertEquals(lines.map((line) => line.replace(/^\d+:\d+: /, "")), [problem]);
    });
  }
});

Deno.test("auth: a missing secret is reported as such, and is a placeholder for plan", async () => {
  const config: ConfigInput = {
    auth: {
      "https://a.example": { basic: { user: "${env:USER_A}", password: "${env:PW}" } },
      "https://b.example": { bearer: "${env:TOKEN}" },
      "https://c.example": { oauth2: { ...OAUTH2, tokenUrl: "${env:LOGIN}/token" } },
    },
  };
  const lines = await problemLinesOf(loadInput(config));
  assertEquals(lines.length, 5);
  const { auth, secrets, unsetSecrets } = await loadInput(config, { unsetSecrets: "placeholder" });
  assertEquals([auth.length, secrets], [3, []]);
  assertEquals(unsetSecrets.toSorted(), ["LOGIN", "PW", "S", "TOKEN", "USER_A"]);
});

async function warningsOf(config: ConfigInput): Promise<string[]> {
  const { warnings } = await loadInput(config, { env: SECRETS });
  return warnings.map(({ path, message, hint }) =>
    `${path} ${message}${hint === null ? "" : `; ${hint}`}`
  );
}

Deno.test("auth: warns of clear text, except to this machine", async () => {
  assertEquals(
    await warningsOf({
      auth: {
        "http://a.example": { basic },
        "http://localhost:8080": { basic },
        "http://[::1]:8080": { basic },
        "https://a.example": { oauth2: { ...OAUTH2, tokenUrl: "http://login.example/" } },
      },
    }),
    [
      'auth["http://a.example"] sends the credentials without encryption; use https',
      'auth["https://a.example"].oauth2.tokenUrl sends the credentials without encryption; use https',
    ],
  );
});

Deno.test("auth: warns of a task that has credentials of its own for the origin", async () => {
  assertEquals(
    await warningsOf({
      auth: { "https://a.example": { basic } },
      tasks: [
        { url: "https://a.example/1", headers: { Authorization: "Token xyz" } },
        "https://me:word@a.example/2",
        { url: "https://b.example/3", headers: { Authorization: "Token xyz" } },
        "https://a.example/4",
      ],
    }),
    [
      "tasks[0] sends its own Authorization header instead of the credentials in auth for " +
      "https://a.example; remove one of them",
      "tasks[1] sends its own user name in the URL instead of the credentials in auth for " +
      "https://a.example; remove one of them",
    ],
  );
});
