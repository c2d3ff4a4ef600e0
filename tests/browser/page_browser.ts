// The status page in a real Chromium: what it looks like to eyes, screen readers and the policy.

import axe from "axe-core";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { serveInProcess } from "../cli/serving.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import { taskResult } from "../state/samples.ts";
import { pageTask, type Site, site } from "../page/site.ts";
import { FAILING, sampleRuns, sampleTasks } from "./samples.ts";

const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const program = PROGRAMS.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});
// On a laptop without it these tests are skipped; in CI they must run.
const ignore = program === undefined && Deno.env.get("CI") !== "true";

const TOKEN = "a token nobody guesses";
const TASK_PATH = `/tasks/${encodeURIComponent(FAILING)}`;

/** A browser that looks at a page. */
interface Look extends AsyncDisposable {
  /** Opens a page with nothing remembered; what it complains of is kept. */
  open(path: string, options?: Parameters<Browser["newContext"]>[0]): Promise<Page>;
  /** Errors in the console, and uncaught ones. */
  readonly complaints: string[];
}

/** A served page with thirty tasks, and a browser to look at it. */
interface Scene extends Look {
  readonly at: Site;
  readonly origin: string;
}

/** Opens a browser for the pages of one server. */
async function look(origin: string): Promise<Look> {
  const browser = await chromium.launch({
    executablePath: program ?? PROGRAMS[0] ?? "",
    args: ["--no-sandbox"],
  });
  const complaints: string[] = [];
  const contexts: BrowserContext[] = [];
  return {
    complaints,
    open: async (path, options = {}) => {
      const context = await browser.newContext(options);
      contexts.push(context);
      const page = await context.newPage();
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      page.on("pageerror", (error) => void complaints.push(error.message));
      page.on("request", (request) => {
        if (!request.url().startsWith(origin)) complaints.push(`asked for ${request.url()}`);
      });
      await page.goto(origin + path);
      return page;
    },
    [Symbol.asyncDispose]: async () => {
      for (const context of contexts) await context.close();
      await browser.close();
    },
  };
}

async function scene(tasks = sampleTasks(), hostname = "127.0.0.1"): Promise<Scene> {
  const at = site({
    tasks,
    runs: sampleRuns(),
    files: { [FAILING]: "a,b\n" },
    token: TOKEN,
    isLoopback: hostname === "127.0.0.1",
    host: { timers: "real" },
  });
  const server = Deno.serve({ hostname, port: 0, onListen: () => {} }, at.page.fetch);
  const origin = `http://${hostname}:${server.addr.port}`;
  const looking = await look(origin);
  return {
    ...looking,
    at,
    origin,
    [Symbol.asyncDispose]: async () => {
      await looking[Symbol.asyncDispose]();
      await at.page.close();
      await server.shutdown();
    },
  };
}

/** Presses Tab until something has the focus. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press("Tab");
    if (await page.locator(`${selector}:focus`).count() === 1) return;
  }
  throw new Error(`no way to ${selector} by Tab`);
}

/** A run with one large file under way and one failure behind it. */
function begin(at: Site): void {
  at.progress.running.set("geo/regions.geojson", { receivedBytes: 22e6, totalBytes: 61_450_087 });
  at.progress.running.set("backup/wiki.xml.bz2", { receivedBytes: 9e6, totalBytes: null });
  at.progress.bytes = 31e6;
  at.tell({ type: "run.started", tasks: 29 });
  at.tell({ type: "task.finished", result: taskResult("failed") });
}

/** What axe-core finds that is serious, as rule and place. */
async function findings(page: Page): Promise<string[]> {
  // Not as an element of the page, whose policy forbids it.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run()") as axe.AxeResults;
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`));
}

const LOOKS = (["light", "dark"] as const).flatMap((colorScheme) =>
  [360, 1280].map((width) => ({ colorScheme, viewport: { width, height: 800 } }))
);
const PATHS = ["/", "/?health=stale", "/?q=nothing+like+it", TASK_PATH, "/tasks/f1040.pdf"];

Deno.test({
  name: "page: axe-core finds nothing serious, in both schemes, narrow and wide",
  ignore,
  fn: async () => {
    await using at = await scene();
    begin(at.at);
    at.at.notice(
      { tone: "warning", title: "What stands there cannot be used.", lines: ["a.json:1:1: no"] },
      { tone: "plain", title: "cronfetch was told to end.", lines: [] },
    );
    for (const look of LOOKS) {
      for (const path of [...PATHS, "/runs", "/runs/run-9"]) {
        const page = await at.open(path, look);
        const where = `${path} ${look.colorScheme} ${look.viewport.width}`;
        assertEquals(await findings(page), [], where);
        const excess = "document.documentElement.scrollWidth - innerWidth";
        assertEquals(await page.evaluate(excess), 0, `${where} scrolls sideways`);
        const paper = "getComputedStyle(document.documentElement).backgroundColor";
        const isDark = await page.evaluate(paper) === "rgb(21, 24, 26)";
        assertEquals(isDark, look.colorScheme === "dark", where);
        await page.context().close();
      }
    }
    assertEquals(at.complaints, []);
  },
});

Deno.test({
  name: "page: what is not there, and what is empty, are sound too",
  ignore,
  fn: async () => {
    await using at = await scene([]);
    for (const look of LOOKS) {
      for (const path of ["/", "/nothing", "/tasks/nothing"]) {
        const page = await at.open(path, look);
        assertEquals(await findings(page), [], path);
        await page.context().close();
      }
    }
    const others = at.complaints.filter((text) => !text.includes("status of 404"));
    assertEquals(others, []);
  },
});

Deno.test({
  name: "page: a run and its end arrive without reloading",
  ignore,
  fn: async () => {
    await using at = await scene();
    const page = await at.open("/");
    await page.getByText("Live", { exact: true }).waitFor();
    // Set by hand, and gone if the page were loaded again.
    await page.evaluate("window.stayed = true");
    assertEquals(await page.getByText("A run is going on").count(), 0);
    begin(at.at);
    await page.getByText("1 of 29 tasks").waitFor();
    at.at.progress.bytes = 40e6;
    await page.getByText("40 MB received").waitFor();
    at.at.set([pageTask("fresh.csv")]);
    at.at.tell({ type: "run.finished", summary: sampleRuns()[0]?.summary ?? never() });
    await page.getByRole("heading", { name: "The task is well" }).waitFor();
    await page.getByRole("link", { name: "fresh.csv" }).waitFor();
    assertEquals(await page.getByText("A run is going on").count(), 0);
    assertEquals(await page.evaluate("window.stayed"), true);
    assertEquals(at.complaints, []);
  },
});

function never(): never {
  throw new Error("there are no sample runs");
}

Deno.test({
  name: "page: a link keeps the focus while the page changes around it",
  ignore,
  fn: async () => {
    await using at = await scene();
    const page = await at.open("/");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("link", { name: "fw9.pdf" }).focus();
    at.at.set(sampleTasks().slice(1));
    begin(at.at);
    await page.getByRole("heading", { name: "3 of 29 tasks need a look" }).waitFor();
    const focused = await page.evaluate("document.activeElement.getAttribute('href')");
    assertEquals(focused, "/tasks/fw9.pdf");
  },
});

Deno.test({
  name: "page: filtered by keyboard alone, with and without JavaScript",
  ignore,
  fn: async () => {
    await using at = await scene();
    for (const javaScriptEnabled of [true, false]) {
      const page = await at.open("/", { javaScriptEnabled });
      await tabTo(page, ".skip");
      await tabTo(page, "#q");
      await page.keyboard.type("IRS-PDF");
      await page.keyboard.press("Enter");
      await page.waitForURL("**/?q=IRS-PDF");
      assertEquals(await page.locator("tbody tr").count(), 5);
      await tabTo(page, ".counts li:nth-child(1) a");
      await tabTo(page, "tbody tr:nth-child(2) a");
      await page.keyboard.press("Enter");
      await page.waitForURL("**/tasks/f1040es.pdf");
      assertEquals(await page.getByRole("heading", { level: 1 }).textContent(), "f1040es.pdf");
      await page.context().close();
    }
    assertEquals(at.complaints, []);
  },
});

Deno.test({
  name: "page: everything can be read and done without JavaScript",
  ignore,
  fn: async () => {
    await using at = await scene();
    begin(at.at);
    const page = await at.open("/?health=unhealthy", { javaScriptEnabled: false });
    assertEquals(await page.locator("tbody tr").count(), 2);
    assertStringIncludes(await page.locator("#progress").innerText(), "1 of 29 tasks");
    await page.getByRole("link", { name: FAILING }).click();
    assertStringIncludes(await page.locator("main").innerText(), "What helps: check the URL.");
    const downloading = page.waitForEvent("download");
    await page.getByRole("link", { name: "ecb-daily.csv", exact: true }).click();
    assertEquals((await downloading).suggestedFilename(), "ecb-daily.csv");
    await page.getByLabel("Token").fill(TOKEN);
    await page.getByRole("button", { name: "Run now" }).click();
    await page.waitForURL(`**${TASK_PATH}`);
    assertEquals(at.at.done, [`run ${FAILING}`]);
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Pause" }).click();
    assertStringIncludes(await page.locator("main").innerText(), "The token is not the right one.");
    assertEquals(at.at.done.length, 1);
  },
});

// Browsers take loopback for trustworthy, and send more from there.
const outer = Deno.networkInterfaces().find(({ family, address }) =>
  family === "IPv4" && !address.startsWith("127.") && !address.startsWith("169.254.")
);

Deno.test({
  name: "page: something is done over plain HTTP from an address that is not loopback",
  ignore: ignore || outer === undefined,
  fn: async () => {
    await using at = await scene([pageTask("a.csv")], outer?.address);
    const page = await at.open("/tasks/a.csv");
    await page.getByLabel("Token").fill(TOKEN);
    await page.getByRole("button", { name: "Run now" }).click();
    await page.waitForURL("**/tasks/a.csv");
    await page.getByRole("heading", { level: 1, name: "a.csv" }).waitFor();
    assertEquals(at.at.done, ["run a.csv"]);
    // Chromium says that it heeds this header from trustworthy origins alone.
    const others = at.complaints.filter((text) => !text.includes("Cross-Origin-Opener-Policy"));
    assertEquals(others, []);
  },
});

Deno.test({
  name: "page: what a task is called runs nowhere",
  ignore,
  fn: async () => {
    const id = `<img src=x onerror="window.broken = true"><script>window.broken = true</script>`;
    await using at = await scene([pageTask(id, { url: "javascript:window.broken=true" })]);
    const page = await at.open(`/tasks/${encodeURIComponent(id)}`);
    await page.getByText("Live", { exact: true }).waitFor();
    at.at.progress.running.set(id, { receivedBytes: 1, totalBytes: 2 });
    at.at.tell({ type: "run.started", tasks: 1 });
    await page.locator(".badge", { hasText: "running" }).waitFor();
    const overview = await at.open("/");
    await overview.getByText("0 of 1 task").waitFor();
    for (const one of [page, overview]) {
      assertEquals(await one.evaluate("window.broken"), undefined);
    }
    assertEquals(at.complaints, []);
  },
});

Deno.test({
  name: "page: a run of serve shows its progress, and another one is asked for by keyboard",
  ignore,
  fn: async () => {
    const rest = Promise.withResolvers<void>();
    await using server = origin({ "/large.bin": () => slowly(rest.promise) });
    await using folder = await temporaryFolder();
    const url = `${server.origin}/large.bin`;
    const config = {
      state: "file:state.json",
      tasks: [
        { id: "asked.bin", url, to: "asked.bin", schedule: "manual" },
        { id: "due.bin", url, to: "due.bin", schedule: "every 1h" },
      ],
    };
    await Deno.writeTextFile(folder.file("cronfetch.json"), JSON.stringify(config));
    const env = { CRONFETCH_TOKEN: TOKEN };
    await using served = await serveInProcess(folder.path, { args: ["--port", "0"], env });
    await using looking = await look(served.url.slice(0, -1));
    const page = await looking.open("/");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.locator("#progress").getByText("1 MB of 2 MB").waitFor();
    assertEquals(await findings(page), []);
    await tabTo(page, "#token");
    await page.keyboard.type(TOKEN);
    rest.resolve();
    await page.locator(".badge", { hasText: "healthy" }).waitFor();
    assertEquals(await page.getByText("A run is going on").count(), 0);
    // What is typed, and where one is, outlasts all that came meanwhile.
    assertEquals(await page.locator("#token:focus").inputValue(), TOKEN);
    await tabTo(page, "button[value=run]");
    await page.keyboard.press("Enter");
    await page.getByText("All 2 tasks are well").waitFor();
    await page.locator(".badge.good", { hasText: "healthy" }).nth(1).waitFor();
    assertEquals(server.hits("/large.bin"), 3);
    assertEquals(looking.complaints, []);
  },
});

/** Two megabytes, of which the second comes later. */
function slowly(rest: Promise<void>): Response {
  const megabyte = new Uint8Array(1_000_000).fill(1);
  const body = ReadableStream.from((async function* () {
    yield megabyte;
    await rest;
    yield megabyte;
  })());
  return new Response(body, { headers: { "content-length": "2000000" } });
}
