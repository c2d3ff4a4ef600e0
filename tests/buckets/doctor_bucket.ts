// `doctor` with a bucket: its checks, its output, and a run with exactly the printed permissions.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { main } from "../../lib/cli/main.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { keys, objects, pendingUploads } from "../helpers/s3_objects.ts";
import { s3Test } from "../helpers/s3_server.ts";
import { tcpProxy } from "../helpers/tcp_proxy.ts";

async function writeConfig(
  path: string,
  { bucket, endpoint, url }: { bucket: string; endpoint: string; url: string },
): Promise<void> {
  const store = `s3://${bucket}/some/files?endpoint=${endpoint}&region=us-east-1`;
  await Deno.writeTextFile(path, JSON.stringify({ store, state: "kv:state.db", tasks: [url] }));
}

s3Test(
  "versitygw",
  "doctor tries the bucket with small objects, and leaves none",
  async (server, bucket) => {
    await using proxy = await tcpProxy(server.endpoint);
    await using folder = await temporaryFolder();
    const endpoint = proxy.origin;
    await writeConfig(folder.file("cronfetch.json"), {
      bucket,
      endpoint,
      url: "http://127.0.0.1:1/a",
    });
    const now = new Date().toISOString();
    const host = testHost({ cwd: folder.path, env: server.env, now });
    assertEquals(await main(["doctor"], host), 0);
    assertMatch(host.stdout.text, /good +store +s3:\S+ is readable and writable$/m);
    assertMatch(host.stdout.text, /good +server +its server supports If-Match, If-None-Match, /);
    const paths = proxy.requests.map((request) => request.split(/[ ?]/)[1] ?? "");
    assertEquals(paths.shift(), `/${bucket}/`);
    const isOwn = /\/some\/files\/(?:cronfetch-doctor-|\.cronfetch-drafts\/)|^\/bucket-\d+\/$/;
    for (const path of paths) assertMatch(path, isOwn);
    assertEquals([await keys(server, bucket), await pendingUploads(server, bucket)], [[], []]);
    for (
      const line of [
        "The bucket's access rules must allow:",
        `  on arn:aws:s3:::${bucket}`,
        "    s3:ListBucket",
        `  on arn:aws:s3:::${bucket}/some/files/*`,
        "    s3:AbortMultipartUpload",
      ]
    ) assertStringIncludes(host.stdout.text, `${line}\n`);
    assert(!host.stdout.text.includes(server.env["AWS_SECRET_ACCESS_KEY"] ?? "nothing"));
  },
);

s3Test("versitygw", "doctor reports what is wrong with a bucket", async (server, bucket) => {
  await using folder = await temporaryFolder();
  const { endpoint } = server;
  const table: [where: string, env: Record<string, string>, output: RegExp][] = [
    [
      bucket,
      { ...server.env, AWS_SECRET_ACCESS_KEY: "x" },
      /wrong +store .*: access denied|secret/,
    ],
    [
      "nowhere",
      server.env,
      /wrong +store .*: the bucket "nowhere" does not exist {2,}create it first/,
    ],
  ];
  for (const [where, env, output] of table) {
    const url = "http://127.0.0.1:1/a";
    await writeConfig(folder.file("cronfetch.json"), { bucket: where, endpoint, url });
    const host = testHost({ cwd: folder.path, env });
    assertEquals(await main(["doctor"], host), 3);
    assertMatch(host.stdout.text, output);
  }
});

/** Runs a config with permission flags in a child process. */
async function runWith(
  flags: readonly string[],
  cwd: string,
  { env }: { readonly env: Readonly<Record<string, string>> },
) {
  const program = fromFileUrl(new URL("../../main.ts", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags, program, "run", "-c", "cronfetch.json"],
    cwd,
    env: { ...env, TERM: "xterm", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

s3Test(
  "versitygw",
  "doctor: the printed flags suffice for a run",
  async (server, bucket) => {
    await using files = origin({ "/a.txt": "first\n" });
    await using folder = await temporaryFolder();
    const { endpoint } = server;
    const url = `${files.origin}/a.txt`;
    await writeConfig(folder.file("cronfetch.json"), { bucket, endpoint, url });
    const host = testHost({ cwd: folder.path, env: server.env });
    assertEquals(await main(["doctor", "--json"], host), 0);
    const rows = host.stdout.text.trim().split("\n").map((line) => JSON.parse(line));
    const { flags, rules } = rows.at(-1);
    assertEquals(rules.length, 2);
    assertEquals(flags[0], `--allow-net=${new URL(files.origin).host},${new URL(endpoint).host}`);
    const { code, output } = await runWith(flags, folder.path, server);
    assertEquals(code, 0, output);
    assertEquals(await objects(server, bucket), { "some/files/a.txt": "first\n" });

    const without = [`--allow-net=${new URL(files.origin).host}`, ...flags.slice(1)];
    const refused = await runWith(without, folder.path, server);
    assertEquals(refused.code, 3, refused.output);
    assertStringIncludes(refused.output, "store.denied");
    assertStringIncludes(
      refused.output,
      "Deno lacks the permission; run again with --allow-net",
    );
  },
);

s3Test(
  "versitygw",
  "doctor: the printed flags suffice for keys of every source outside of the environment",
  async (server, bucket) => {
    const { AWS_ACCESS_KEY_ID: id = "", AWS_SECRET_ACCESS_KEY: secret = "" } = server.env;
    const keys = { AccessKeyId: id, SecretAccessKey: secret };
    const answers: Readonly<Record<string, string>> = {
      "/": "<AssumeRoleWithWebIdentityResponse><Credentials>" +
        `<AccessKeyId>${id}</AccessKeyId><SecretAccessKey>${secret}</SecretAccessKey>` +
        "</Credentials></AssumeRoleWithWebIdentityResponse>",
      "/keys": JSON.stringify(keys),
      "/latest/api/token": "session",
      "/latest/meta-data/iam/security-credentials/": "the-role",
      "/latest/meta-data/iam/security-credentials/the-role": JSON.stringify(keys),
    };
    await using service = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ url }) => new Response(answers[new URL(url).pathname]),
    );
    const serviceUrl = `http://127.0.0.1:${service.addr.port}`;
    await using aws = await temporaryFolder();
    await Deno.writeTextFile(
      aws.file("credentials"),
      `[mine]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`,
    );
    await Deno.writeTextFile(aws.file("token"), "token");
    const files = {
      AWS_SHARED_CREDENTIALS_FILE: aws.file("credentials"),
      AWS_CONFIG_FILE: aws.file("config"),
    };
    const table: Record<string, string>[] = [
      { ...files, AWS_PROFILE: "mine" },
      {
        AWS_ROLE_ARN: "arn:aws:iam::1:role/r",
        AWS_WEB_IDENTITY_TOKEN_FILE: aws.file("token"),
        AWS_ENDPOINT_URL_STS: serviceUrl,
      },
      { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${serviceUrl}/keys` },
      { ...files, AWS_EC2_METADATA_SERVICE_ENDPOINT: serviceUrl },
    ];
    for (const env of table) {
      await using contents = origin({ "/a.txt": "first\n" });
      await using folder = await temporaryFolder();
      const { endpoint } = server;
      const url = `${contents.origin}/a.txt`;
      await writeConfig(folder.file("cronfetch.json"), { bucket, endpoint, url });
      const host = testHost({ cwd: folder.path, env });
      assertEquals(await main(["doctor", "--json"], host), 0, host.stdout.text);
      const rows = host.stdout.text.trim().split("\n").map((line) => JSON.parse(line));
      const { code, output } = await runWith(rows.at(-1).flags, folder.path, { env });
      assertEquals(code, 0, output);
      assert(!(output + host.stdout.text).includes(secret));
    }
  },
);
