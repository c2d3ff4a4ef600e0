import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { temporaryFolder, tree } from "./helpers/folder.ts";
import { MAIN } from "./helpers/program.ts";

function fixture(name: string): string {
  return Deno.readTextFileSync(new URL(`fixtures/tls/${name}`, import.meta.url));
}

Deno.test("https: uses HTTP/1.1 with a connection per concurrent request", async () => {
  await using folder = await temporaryFolder();
  using listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: fixture("good.crt"),
    key: fixture("good.key"),
    alpnProtocols: ["h2", "http/1.1"],
  });
  const { port } = listener.addr as Deno.NetAddr;
  const protocols: (string | null)[] = [];
  const both = Promise.withResolvers<void>();
  const serve = async (accepted: Deno.TlsConn) => {
    using connection = accepted;
    protocols.push((await connection.handshake()).alpnProtocol);
    await connection.read(new Uint8Array(4096));
    // Neither is answered before the other has come.
    if (protocols.length === 2) both.resolve();
    await both.promise;
    const answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\ntext";
    await connection.write(new TextEncoder().encode(answer));
  };
  const serving = (async () => {
    const first = serve(await listener.accept());
    await Promise.all([first, serve(await listener.accept())]);
  })();
  await Deno.writeTextFile(
    folder.file("cronfetch.json"),
    JSON.stringify({
      store: "files",
      state: "memory:",
      tasks: ["a.txt", "b.txt"].map((name) => `https://localhost:${port}/${name}`),
    }),
  );
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", MAIN, "run", "-q"],
    cwd: folder.path,
    env: {
      DENO_CERT: fromFileUrl(new URL("fixtures/tls/authority.crt", import.meta.url)),
      NO_COLOR: "1",
      NO_PROXY: "localhost",
      GITHUB_ACTIONS: "",
    },
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  await serving;
  assertEquals(protocols, ["http/1.1", "http/1.1"]);
  const files = await tree(folder.path);
  assertEquals([files["files/a.txt"], files["files/b.txt"]], ["text", "text"]);
});
