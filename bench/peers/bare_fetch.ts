/**
 * The lower bound of `fetch`: reads every body and discards the bytes.
 *
 *     deno run -A bench/peers/bare_fetch.ts URLS AT_ONCE READER [ETAGS]
 *
 * URLS is a file with one per line, AT_ONCE the number of concurrent requests, READER `default` or
 * `byob`, and ETAGS a JSON file: created with the ETags of the first run, and sent as conditions in
 * later ones.
 */

/** A larger buffer is not faster. */
const BUFFER_BYTES = 512 * 1024;

const [urlsFile = "", atOnce = "32", reader = "default", etagsFile] = Deno.args;
const urls = (await Deno.readTextFile(urlsFile)).trim().split("\n");
const drop = reader === "byob" ? dropByob : dropDefault;
const known = etagsFile === undefined ? {} : await readEtags(etagsFile);
const seen: Record<string, string> = {};
let next = 0;

await Promise.all(Array.from({ length: Number(atOnce) }, work));
if (etagsFile !== undefined && Object.keys(known).length === 0) {
  await Deno.writeTextFile(etagsFile, JSON.stringify(seen));
}

/** Requests URLs until none is left. */
async function work(): Promise<void> {
  for (;;) {
    const url = urls[next++];
    if (url === undefined) return;
    const etag = known[url];
    const response = await fetch(
      url,
      etag === undefined ? {} : {
        headers: { "if-none-match": etag },
      },
    );
    if (!response.ok && response.status !== 304) throw new Error(`${url}: ${response.status}`);
    seen[url] = response.headers.get("etag") ?? "";
    if (response.body !== null) await drop(response.body);
  }
}

async function dropDefault(body: ReadableStream<Uint8Array>): Promise<void> {
  const source = body.getReader();
  while (!(await source.read()).done);
}

async function dropByob(body: ReadableStream<Uint8Array>): Promise<void> {
  const source = body.getReader({ mode: "byob" });
  let buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const { done, value } = await source.read(buffer);
    if (done) return;
    buffer = new Uint8Array(value.buffer);
  }
}

async function readEtags(path: string): Promise<Record<string, string>> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}
