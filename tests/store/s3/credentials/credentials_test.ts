// Where the keys come from, and when they are requested again.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DriverError } from "../../../../lib/store/errors.ts";
import { fetchTransport } from "../../../../lib/http/fetch_transport.ts";
import { DEFAULT_SETTINGS } from "../../../../lib/core/http.ts";
import { bucketAccess } from "../../../../lib/store/s3/access.ts";
import { openBucket } from "../../../../lib/store/s3/client.ts";
import { isLocalService } from "../../../../lib/store/s3/credentials/requests.ts";
import {
  type CredentialSource,
  openCredentials,
} from "../../../../lib/store/s3/credentials/credentials.ts";
import { parseProfiles } from "../../../../lib/store/s3/credentials/profile.ts";
import { byteResponse } from "../../../helpers/byte_response.ts";
import { temporaryFolder } from "../../../helpers/folder.ts";
import { type TestHost, testHost } from "../../../helpers/host.ts";

const LOCATION = { kind: "s3", bucket: "b", prefix: "", endpoint: null, region: null } as const;
const { signal } = new AbortController();

type Env = Readonly<Record<string, string>>;
type Answer = (url: string, init: RequestInit) => Response;

/** Opens credentials of an environment, and of servers that are a function. */
async function open(
  env: Env,
  answer: Answer = () => new Response(null, { status: 404 }),
): Promise<{
  credentials: CredentialSource;
  region: string;
  host: TestHost;
  asked: string[];
}> {
  const asked: string[] = [];
  const host = testHost({
    env,
    fetch: (url, init) => {
      asked.push(`${init.method} ${url}`);
      return Promise.resolve(answer(url, init));
    },
  });
  const { timers, random, clock } = host;
  const context = { transport: fetchTransport(host), timers, random, clock, signal };
  return { ...await openCredentials(LOCATION, host, context), host, asked };
}

const json = (value: unknown) => byteResponse(JSON.stringify(value));
const keysJson = (id: string, expiration?: string) =>
  json({ AccessKeyId: id, SecretAccessKey: "secret", Token: "token", Expiration: expiration });

/** The files of profiles, and the variables that name them. */
async function profiles(credentials: string, config = "") {
  const folder = await temporaryFolder();
  const env = {
    AWS_SHARED_CREDENTIALS_FILE: folder.file("credentials"),
    AWS_CONFIG_FILE: folder.file("config"),
  };
  await Deno.writeTextFile(env.AWS_SHARED_CREDENTIALS_FILE, credentials);
  if (config !== "") await Deno.writeTextFile(env.AWS_CONFIG_FILE, config);
  return { env, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const CREDENTIALS_FILE = `
[default]
aws_access_key_id = DEFAULT   # a comment
aws_secret_access_key=default/secret+=

[ other ]
aws_access_key_id = OTHER
aws_secret_access_key = other
aws_session_token = token
`;
const CONFIG_FILE = `
; a comment
[default]
region = eu-west-1
s3 =
    max_concurrent_requests = 20
[profile other]
region = eu-west-2
[profile sso]
sso_session = mine
[profile role]
role_arn = arn:aws:iam::1:role/r
source_profile = default
[profile program]
credential_process = /bin/keys
[profile identity]
role_arn = arn:aws:iam::1:role/r
web_identity_token_file = /nowhere/token
`;

Deno.test("openCredentials: keys and region of the environment, or of a profile", async () => {
  await using files = await profiles(CREDENTIALS_FILE, CONFIG_FILE);
  const table: [env: Env, id: string, secret: string, token: string | undefined, region: string][] =
    [
      [
        { AWS_ACCESS_KEY_ID: "ENV", AWS_SECRET_ACCESS_KEY: "s", AWS_PROFILE: "other" },
        ...["ENV", "s", undefined, "us-east-1"] as const,
      ],
      [{}, "DEFAULT", "default/secret+=", undefined, "eu-west-1"],
      [{ AWS_PROFILE: "other" }, "OTHER", "other", "token", "eu-west-2"],
      [{ AWS_REGION: "eu-north-1" }, "DEFAULT", "default/secret+=", undefined, "eu-north-1"],
      // A half of the keys is none.
      [{ AWS_ACCESS_KEY_ID: "ENV" }, "DEFAULT", "default/secret+=", undefined, "eu-west-1"],
    ];
  for (const [env, id, secret, token, region] of table) {
    const opened = await open({ ...files.env, ...env });
    const keys = await opened.credentials.get(signal);
    assertEquals([keys.accessKeyId, keys.secretAccessKey, keys.sessionToken], [id, secret, token]);
    assertEquals([opened.region, opened.asked], [region, []]);
  }
});

Deno.test("openCredentials: other profiles name the command that exports their keys", async () => {
  await using files = await profiles(CREDENTIALS_FILE, CONFIG_FILE);
  for (
    const [name, setting] of [["sso", "sso_session"], ["role", "role_arn"], [
      "program",
      "credential_process",
    ]]
  ) {
    const { credentials } = await open({ ...files.env, AWS_PROFILE: name ?? "" });
    const error = await assertRejects(() => credentials.get(signal), DriverError);
    assertEquals(error.code, "store.denied");
    assertStringIncludes(error.message, `the profile "${name}" has ${setting}`);
    const command = `aws configure export-credentials --format env --profile ${name}`;
    assertStringIncludes(error.message, command);
  }
  for (const env of [{ AWS_PROFILE: "missing" }, { AWS_EC2_METADATA_DISABLED: "true" }] as Env[]) {
    await using empty = await profiles("");
    const { credentials, asked } = await open({ ...empty.env, ...env });
    const error = await assertRejects(() => credentials.get(signal), DriverError);
    assertStringIncludes(error.message, "aws configure export-credentials --format env");
    assertEquals(asked, []);
  }
});

Deno.test("openCredentials: a web identity is exchanged at STS, unsigned", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.file("token"), "the+token\n");
  const env = {
    AWS_ROLE_ARN: "arn:aws:iam::1:role/r",
    AWS_WEB_IDENTITY_TOKEN_FILE: folder.file("token"),
    AWS_REGION: "eu-west-1",
  };
  let body = "";
  const { credentials, asked } = await open(env, (_url, { body: sent, headers }) => {
    body = new TextDecoder().decode(sent as Uint8Array);
    assertEquals(new Headers(headers).has("authorization"), false);
    return byteResponse(
      '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">' +
        "<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>STS</AccessKeyId>" +
        "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>" +
        "<Expiration>2026-01-15T13:00:00Z</Expiration></Credentials>" +
        "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
    );
  });
  const keys = await credentials.get(signal);
  assertEquals(keys, { accessKeyId: "STS", secretAccessKey: "s", sessionToken: "t" });
  assertEquals(asked, ["POST https://sts.eu-west-1.amazonaws.com/"]);
  const form = new URLSearchParams(body);
  assertEquals(form.get("Action"), "AssumeRoleWithWebIdentity");
  assertEquals([form.get("RoleArn"), form.get("WebIdentityToken")], [
    env.AWS_ROLE_ARN,
    "the+token",
  ]);

  const refused = await open(
    env,
    () =>
      byteResponse("<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", {
        status: 403,
      }),
  );
  const error = await assertRejects(() => refused.credentials.get(signal), DriverError);
  assertStringIncludes(error.message, 'STS refuses the role "arn:aws:iam::1:role/r": AccessDenied');
  assert(!error.message.includes("the+token"));
});

Deno.test("openCredentials: a container's role, whose token goes to trusted hosts only", async () => {
  const url = "http://169.254.170.2/v2/credentials/1";
  const relative = await open(
    { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/1" },
    () => keysJson("ECS"),
  );
  assertEquals((await relative.credentials.get(signal)).accessKeyId, "ECS");
  assertEquals(relative.asked, [`GET ${url}`]);
  const trusted = ["http://127.0.0.1:1/k", "http://[::1]/k", "https://k.example/k", url];
  const others = ["http://k.example/k", "http://169.254.169.254/k", "ftp://127.0.0.1/", "k"];
  for (const full of [...trusted, ...others]) {
    const { credentials, asked } = await open({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: full,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "the token",
    }, (_url, { headers }) => {
      assertEquals(new Headers(headers).get("authorization"), "the token");
      return keysJson("EKS");
    });
    if (trusted.includes(full)) {
      assertEquals((await credentials.get(signal)).accessKeyId, "EKS");
    } else {
      await assertRejects(() => credentials.get(signal), DriverError, "must be https");
      assertEquals(asked, []);
    }
  }
});

/** Answers as the metadata service of an instance (IMDSv2). */
function instance(expiration = "2026-01-15T18:00:00Z"): Answer {
  return (url, { method, headers }) => {
    const sent = new Headers(headers);
    if (method === "PUT" && sent.has("x-aws-ec2-metadata-token-ttl-seconds")) {
      return byteResponse("session");
    }
    if (sent.get("x-aws-ec2-metadata-token") !== "session") {
      return new Response(null, { status: 401 });
    }
    return url.endsWith("/") ? byteResponse("the-role\n") : keysJson("IMDS", expiration);
  };
}

Deno.test("openCredentials: the role of an instance; without one the message names the variables", async () => {
  await using empty = await profiles("");
  const { credentials, asked } = await open(empty.env, instance());
  assertEquals((await credentials.get(signal)).accessKeyId, "IMDS");
  const base = "http://169.254.169.254/latest";
  assertEquals(asked, [
    `PUT ${base}/api/token`,
    `GET ${base}/meta-data/iam/security-credentials/`,
    `GET ${base}/meta-data/iam/security-credentials/the-role`,
  ]);
  const outside = await open(empty.env, () => {
    throw new TypeError("no route to host");
  });
  const error = await assertRejects(() => outside.credentials.get(signal), DriverError);
  assertStringIncludes(error.message, "no credentials were found; set AWS_ACCESS_KEY_ID");
  assertEquals([error.retry, outside.asked.length], ["never", 2]);
});

Deno.test("row 210: keys are requested again before they expire, by one request for all", async () => {
  await using empty = await profiles("");
  const { credentials, asked, host } = await open(empty.env, instance("2026-01-15T13:00:00Z"));
  const all = () => Promise.all([1, 2, 3].map(() => credentials.get(signal)));
  await all();
  host.jump(54 * 60 * 1000);
  await all();
  assertEquals(asked.length, 3);
  host.jump(2 * 60 * 1000);
  await all();
  assertEquals(asked.length, 6);
});

Deno.test("row 210: if they cannot be requested, the old ones are used until they expire", async () => {
  await using empty = await profiles("");
  let fails = false;
  const answer = instance("2026-01-15T13:00:00Z");
  const { credentials, host } = await open(empty.env, (url, init) => {
    if (fails) throw new TypeError("no route to host");
    return answer(url, init);
  });
  await credentials.get(signal);
  fails = true;
  host.jump(58 * 60 * 1000);
  assertEquals((await credentials.get(signal)).accessKeyId, "IMDS");
  host.jump(3 * 60 * 1000);
  await assertRejects(() => credentials.get(signal), DriverError);
});

Deno.test("row 210: keys that seem to expire at once are requested once a minute, and once if rejected", async () => {
  await using empty = await profiles("");
  for (const expiration of ["2026-01-15T12:02:00Z", "2026-01-14T12:00:00Z"]) {
    const { credentials, asked, host } = await open(empty.env, instance(expiration));
    for (let count = 0; count < 3; count++) {
      const keys = await credentials.get(signal);
      assertEquals(credentials.discard(keys), false, "the source would return the same ones");
    }
    assertEquals(asked.length, 3);
    host.jump(61_000);
    const keys = await credentials.get(signal);
    assertEquals(asked.length, 6);
    host.jump(61_000);
    assertEquals(credentials.discard(keys), true);
  }
});

Deno.test("row 210: the end of keys is on the clock of their source, if that sends its time", async () => {
  await using empty = await profiles("");
  // The clock of this machine, 12:00, is three hours ahead or behind; the keys are valid for one.
  for (
    const [date, expiration] of [
      ["Thu, 15 Jan 2026 09:00:00 GMT", "2026-01-15T10:00:00Z"],
      ["Thu, 15 Jan 2026 15:00:00 GMT", "2026-01-15T16:00:00Z"],
    ] as const
  ) {
    const answer = instance(expiration);
    const { credentials, asked, host } = await open(empty.env, (url, init) => {
      const response = answer(url, init);
      response.headers.set("date", date);
      return response;
    });
    await credentials.get(signal);
    host.jump(54 * 60 * 1000);
    await credentials.get(signal);
    assertEquals(asked.length, 3);
    host.jump(2 * 60 * 1000);
    await credentials.get(signal);
    assertEquals(asked.length, 6);
  }
});

Deno.test("row 210: a source that fails is requested again after 10 seconds", async () => {
  await using empty = await profiles("");
  const { credentials, asked, host } = await open(empty.env, () => {
    throw new TypeError("no route to host");
  });
  const refused = () => assertRejects(() => credentials.get(signal), DriverError);
  await refused();
  await refused();
  assertEquals(asked.length, 2);
  host.jump(11_000);
  await refused();
  assertEquals(asked.length, 4);
});

Deno.test("isLocalService: the services of this machine or container, which no proxy can reach", () => {
  const env: Env = {
    AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://metadata.example:80/path",
    AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://localhost:1234/keys",
  };
  const host = { env: (name: string) => env[name] };
  const table: [url: string, isLocal: boolean][] = [
    ["http://169.254.169.254", true],
    ["http://169.254.170.2", true],
    ["http://[fd00:ec2::254]", true],
    ["http://metadata.example", true],
    ["http://localhost:1234", true],
    ["http://localhost:1235", false],
    ["https://169.254.169.254", false],
    ["https://sts.eu-west-1.amazonaws.com", false],
    ["http://127.0.0.1:9000", false],
  ];
  for (const [url, isLocal] of table) assertEquals(isLocalService(url, host), isLocal, url);
});

Deno.test("openBucket: the metadata service is reached without the proxy of the environment", async () => {
  await using empty = await profiles("");
  const answer = instance();
  const asked: string[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url, method, headers }) => {
      asked.push(new URL(url).pathname);
      return answer(new URL(url).pathname, { method, headers });
    },
  );
  const env = {
    ...empty.env,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
    // Nothing listens there.
    HTTP_PROXY: "http://127.0.0.1:1",
  };
  const location = { ...LOCATION, endpoint: "http://s3.example:1" };
  await using bucket = await openBucket(location, () => DEFAULT_SETTINGS, testHost({ env }));
  await assertRejects(() => bucket.head("a", signal), DriverError, "cannot be reached");
  assertEquals(asked.length, 3);
});

Deno.test("bucketAccess: servers, files and variables of each source", async () => {
  await using files = await profiles(CREDENTIALS_FILE, CONFIG_FILE);
  await using empty = await profiles("");
  const paths = [files.env.AWS_CONFIG_FILE, files.env.AWS_SHARED_CREDENTIALS_FILE];
  const identity = { AWS_ROLE_ARN: "arn", AWS_WEB_IDENTITY_TOKEN_FILE: "/token" };
  const table: [env: Env, source: string, hosts: string[], files: string[]][] = [
    [
      { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "s" },
      ...["environment", ["b.s3.us-east-1.amazonaws.com"], []] as [string, string[], string[]],
    ],
    [files.env, "profile", ["b.s3.eu-west-1.amazonaws.com"], paths],
    [
      identity,
      "web identity",
      ["b.s3.us-east-1.amazonaws.com", "sts.us-east-1.amazonaws.com"],
      ["/token"],
    ],
    [
      { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/x" },
      "container",
      ["b.s3.us-east-1.amazonaws.com", "169.254.170.2"],
      [],
    ],
    [
      empty.env,
      "instance",
      ["b.s3.us-east-1.amazonaws.com", "169.254.169.254"],
      [empty.env.AWS_CONFIG_FILE, empty.env.AWS_SHARED_CREDENTIALS_FILE],
    ],
  ];
  for (const [env, source, hosts, read] of table) {
    const access = await bucketAccess(LOCATION, testHost({ env }));
    assertEquals(access.source, source);
    assertEquals(access.servers.map(({ host }) => host), hosts);
    assertEquals(access.files, read);
    const isEnvironment = source === "environment";
    const more = Object.keys(env).filter((name) => !name.includes("KEY"));
    for (const name of more) assertEquals(access.variables.includes(name), !isEnvironment, name);
  }
});

Deno.test("openCredentials: [profile default] of the config file comes before its [default]", async () => {
  const keys = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = secret\n`;
  const config = `[profile default]\n${keys("NAMED")}region = eu-west-3\n[default]\n${
    keys("PLAIN")
  }`;
  await using files = await profiles("", config);
  const { credentials, region } = await open(files.env);
  assertEquals([(await credentials.get(signal)).accessKeyId, region], ["NAMED", "eu-west-3"]);
  // In the other file, a section is named by the profile alone.
  await using other = await profiles(
    `[profile default]\n${keys("NAMED")}[default]\n${keys("PLAIN")}`,
  );
  assertEquals((await (await open(other.env)).credentials.get(signal)).accessKeyId, "PLAIN");
});

Deno.test("parseProfiles: sections, values, comments, nested settings", () => {
  const parsed = parseProfiles(
    "a=0\n[x]\r\nB = c=d ; e\n#f=1\n g = 2\n[ profile  y ]\nempty =\nz\n",
  );
  assertEquals([...parsed].map(([name, values]) => [name, [...values]]), [
    ["x", [["b", "c=d"]]],
    ["profile y", [["empty", ""]]],
  ]);
});
