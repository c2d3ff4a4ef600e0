import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { main } from "../../lib/cli/main.ts";
import type { RunEvent } from "../../lib/core/event.ts";
import { realHost } from "../../lib/host.ts";
import { escapeXml, junitReporter } from "../../lib/report/junit.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost, type TestHostOptions } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { event, finished, summary } from "./fakes.ts";

async function reported(events: readonly RunEvent[], options: TestHostOptions = {}) {
  const host = testHost(options);
  const warnings: string[] = [];
  const reporter = junitReporter({
    path: "/report.xml",
    host,
    warn: (sentence) => warnings.push(sentence),
  });
  for (const one of events) reporter.report(one);
  assertEquals(host.files.size, 0, "nothing is written before the end");
  await reporter.close();
  return { xml: host.files.get("/report.xml"), warnings };
}

const started = event({ type: "run.started", tasks: 5 });
const ended = event({
  type: "run.finished",
  summary: summary(3, { created: 1, failed: 1, cancelled: 1, deferred: 1, skipped: 1 }),
});

Deno.test("junitReporter: each status as a test case", async () => {
  const { xml, warnings } = await reported([
    started,
    finished("a", "created", { key: "x/a.csv" }),
    finished("b", "failed", { code: "expect.shrunk", message: 'it "shrank" <a> & b' }),
    finished("c", "cancelled", { code: "cancelled", message: "interrupted" }),
    finished("d", "deferred", { notBefore: "2026-01-02T04:00:00Z" }),
    finished("e", "skipped"),
    ended,
  ]);
  const totals = 'tests="5" failures="1" errors="1" skipped="2" time="2.500"';
  const start = '<testcase classname="cronfetch"';
  const shrunk = "expect.shrunk: it &#34;shrank&#34; &#60;a&#62; &#38; b → " +
    "lower expect.minRatio if this size is right";
  assertEquals(xml?.split("\n"), [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="cronfetch" ${totals}>`,
    `<testsuite name="cronfetch" timestamp="2026-01-02T03:04:05Z" ${totals}>`,
    `${start} name="a" file="x/a.csv" time="2.010"/>`,
    `${start} name="b" file="b" time="2.010">` +
    `<failure message="${shrunk}" type="expect.shrunk">${shrunk}</failure></testcase>`,
    `${start} name="c" file="c" time="2.010">` +
    '<error message="cancelled: interrupted" type="cancelled"/></testcase>',
    `${start} name="d" file="d" time="2.010">` +
    '<skipped message="next request after 2026-01-02T04:00:00Z"/></testcase>',
    `${start} name="e" file="e" time="2.010"><skipped message="skipped"/></testcase>`,
    "<system-out>exit code 3</system-out>",
    "</testsuite>",
    "</testsuites>",
    "",
  ]);
  assertEquals(warnings, []);
});

Deno.test("escapeXml: any text becomes valid XML 1.0", () => {
  assertEquals(
    escapeXml("a\0b\x1b\n\ud800\ufffe\uffff😀"),
    "a\\u{0}b\\u{1b}\\n\\u{d800}\\u{fffe}\\u{ffff}😀",
  );
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    // Production 2 of XML 1.0, without markup characters.
    assertMatch(
      escapeXml(text),
      /^(?:[[\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]--[<>"'\&]]|&#(?:34|38|39|60|62);)*$/v,
    );
  }));
});

Deno.test("junitReporter: an unfinished run writes no file; a failed write is logged", async () => {
  assertEquals(await reported([started]), { xml: undefined, warnings: [] });
  const { warnings } = await reported([started, ended], { unwritable: ["/report.xml"] });
  assertEquals(warnings.length, 1);
  assertMatch(warnings[0] ?? "", /^The JUnit report could not be written: \/report\.xml/);
});

Deno.test("run --report: repeatable, relative to the working directory; unknown kinds are refused", async () => {
  await using server = origin({ "/a.txt": "first\n" });
  await using folder = await temporaryFolder();
  const url = `${server.origin}/a.txt`;
  const host = testHost({ cwd: folder.path });
  const reports = ["--report", "junit=one.xml", "--report=junit=/two=2.xml"];
  assertEquals(await main(["run", url, ...reports], host), 0);
  assertEquals([...host.files.keys()], [folder.file("one.xml"), "/two=2.xml"]);
  assertStringIncludes(host.files.get("/two=2.xml") ?? "", 'tests="1" failures="0"');
  for (const wrong of ["xml=a.xml", "html=", "junit", "junit=", "=a.xml", "JUnit=a.xml"]) {
    const refusing = testHost({ cwd: folder.path });
    assertEquals(await main(["run", url, "--report", wrong], refusing), 2, wrong);
    assertStringIncludes(refusing.stderr.text, "--report needs junit=FILE or html=FILE, not ");
  }
  assertEquals(server.hits(), 1);
});

Deno.test("realHost: appendFile, fileSize and replaceFile", async () => {
  await using folder = await temporaryFolder();
  const { appendFile, fileSize, replaceFile } = realHost();
  const path = folder.file("a");
  assertEquals(await fileSize(path), 0);
  await appendFile(path, "ü");
  await appendFile(path, "b");
  assertEquals([await fileSize(path), await Deno.readTextFile(path)], [3, "üb"]);
  const reader = await Deno.open(path);
  await replaceFile(path, "new");
  // A handle opened before still reads the old content.
  assertEquals(await new Response(reader.readable).text(), "üb");
  assertEquals(await tree(folder.path), { a: "new" });
  await Deno.mkdir(folder.file("folder/full"), { recursive: true });
  const refused = await replaceFile(folder.file("folder"), "x").then(() => null, (error) => error);
  assertEquals(refused instanceof Error, true);
  assertEquals(await tree(folder.path), { a: "new" });
});
