// The status page in a real Chromium: accessibility, layout, live updates and its policy.

import axe from "axe-core";
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { renderReport } from "../../lib/page/report.tsx";
import { serveInProcess } from "../cli/serving.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import { runRecord, taskResult } from "../state/samples.ts";
import { pageTask, type Site, site, type SiteOptions } from "../page/site.ts";
import { findChromium, launchChromium, PATIENCE_MS } from "./chromium.ts";
import {
  FAILING,
  sampleDays,
  sampleFiles,
  sampleResults,
  sampleRuns,
  sampleTasks,
  sampleVersions,
} from "./samples.ts";
import { taskProgress } from "../report/fakes.ts";

// Without Chromium these tests are skipped, except in CI.
const ignore = findChromium() === undefined && Deno.env.get("CI") !== "true";

const TOKEN = "an unguessable token";
const TASK_PATH = `/tasks/${encodeURIComponent(FAILING)}`;

/** A browser that records the errors of its pages. */
interface PageBrowser extends AsyncDisposable {
  /** Opens a page in a new context. */
  open(path: string, options?: Parameters<Browser["newContext"]>[0]): Promise<Page>;
  /** The cookies of a session. */
  logIn(): Promise<Awaited<ReturnType<BrowserContext["storageState"]>>>;
  /** Console errors, uncaught errors, and requests to other origins. */
  readonly errors: string[];
}

/** A served page with thirty tasks and a browser. */
interface Scene extends PageBrowser {
  readonly at: Site;
  readonly origin: string;
}

/** Opens a browser for the pages of one server. */
async function openBrowser(origin: string): Promise<PageBrowser> {
  const browser = await launchChromium();
  const errors: string[] = [];
  const contexts: BrowserContext[] = [];
  const open: PageBrowser["open"] = async (path, options = {}) => {
    const context = await browser.newContext(options);
    contexts.push(context);
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    page.on("pageerror", (error) => void errors.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(origin)) errors.push(`request for ${request.url()}`);
    });
    await page.goto(origin + path);
    return page;
  };
  return {
    errors,
    open,
    logIn: async () => {
      const page = await open("/login");
      await enterToken(page, TOKEN);
      const state = await page.context().storageState();
      await page.context().close();
      return state;
    },
    [Symbol.asyncDispose]: async () => {
      for (const context of contexts) await context.close();
      await browser.close();
    },
  };
}

async function scene(
  tasks = sampleTasks(),
  hostname = "127.0.0.1",
  options: Pick<SiteOptions, "files" | "versions" | "runs"> = {},
): Promise<Scene> {
  const at = site({
    tasks,
    runs: sampleRuns(),
    files: sampleFiles(),
    versions: { [FAILING]: sampleVersions() },
    runResults: { "run-9": sampleResults() },
    days: sampleDays(),
    token: TOKEN,
    isLoopback: hostname === "127.0.0.1",
    host: { timers: "real" },
    ...options,
  });
  const server = Deno.serve({ hostname, port: 0, onListen: () => {} }, at.page.fetch);
  const origin = `http://${hostname}:${server.addr.port}`;
  const browser = await openBrowser(origin);
  return {
    ...browser,
    at,
    origin,
    [Symbol.asyncDispose]: async () => {
      await browser[Symbol.asyncDispose]();
      await at.page.close();
      await server.shutdown();
    },
  };
}

/** Clicks a button, and waits for the page that replaces this one, perhaps at the same URL. */
async function submit(page: Page, name: string): Promise<void> {
  const replaced = page.waitForEvent("domcontentloaded");
  await page.getByRole("button", { name }).click();
  await replaced;
}

/** Enters a token on the page of the login. */
async function enterToken(page: Page, token: string): Promise<void> {
  await page.getByLabel("Token").fill(token);
  await submit(page, "Log in");
}

/** Waits until no run is in progress: its last update may arrive after those of its tasks. */
async function runEnds(page: Page): Promise<void> {
  await page.getByText("Run in progress").waitFor({ state: "detached" });
}

/** Presses Tab until an element has the focus. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press("Tab");
    if (await page.locator(`${selector}:focus`).count() === 1) return;
  }
  throw new Error(`${selector} is not reachable by Tab`);
}

/** Starts a run with two files in transfer and one failed task. */
function startRun(at: Site): void {
  at.progress.running.set("geo/regions.geojson", taskProgress(22e6, 61_450_087));
  at.progress.running.set("backup/wiki.xml.bz2", taskProgress(9e6, null));
  at.progress.bytes = 31e6;
  at.emit({ type: "run.started", tasks: 29 });
  at.emit({ type: "task.finished", result: taskResult("failed") });
}

/** Serious violations found by axe-core, as rule and element. */
async function axeViolations(page: Page): Promise<string[]> {
  // A script element would be blocked by the page's policy.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run()") as axe.AxeResults;
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`));
}

const VIEWS = (["light", "dark"] as const).flatMap((colorScheme) =>
  [390, 1280].map((width) => ({ colorScheme, viewport: { width, height: 800 } }))
);
const PATHS = ["/", "/?dense=1&sort=-size", "/?q=nothing+like+it", TASK_PATH, "/tasks/f1040.pdf"]
  .concat([`/diff?task=${encodeURIComponent(FAILING)}`, "/runs", "/runs/run-9"]);

Deno.test({
  name: "page: axe-core finds no serious violation, in both colour schemes and widths",
  ignore,
  fn: async () => {
    await using at = await scene();
    startRun(at.at);
    at.at.notice(
      { tone: "warning", title: "The new config is invalid.", lines: ["a.json:1:1: no"] },
      { tone: "plain", title: "cronfetch is shutting down.", lines: [] },
    );
    for (const view of VIEWS) {
      const storageState = await at.logIn();
      for (
        const [path, options] of [
          ...PATHS.map((path) => [path, { ...view, storageState }] as const),
          ["/", view] as const,
          [TASK_PATH, view] as const,
          ["/login?back=%2Fruns", view] as const,
        ]
      ) {
        const page = await at.open(path, options);
        const where = `${path} ${view.colorScheme} ${view.viewport.width}`;
        assertEquals(await axeViolations(page), [], where);
        const excess = "document.documentElement.scrollWidth - innerWidth";
        assertEquals(await page.evaluate(excess), 0, `${where} scrolls sideways`);
        const paper = "getComputedStyle(document.documentElement).backgroundColor";
        const isDark = await page.evaluate(paper) === "rgb(21, 24, 26)";
        assertEquals(isDark, view.colorScheme === "dark", where);
        await page.context().close();
      }
    }
    assertEquals(at.errors, []);
  },
});

Deno.test({
  name: "page: the calendar of a task with dates fits, and each date is reachable by Tab",
  ignore,
  fn: async () => {
    const statuses = ["ok", "failed", "pending", "missing"] as const;
    const days = Array.from({ length: 31 }, (_, index) => {
      const status = statuses[index % 5];
      return status && { date: `2026-01-${`${index + 1}`.padStart(2, "0")}`, status };
    }).map((day) => day ?? null);
    const months = [{ month: "2026-01", days, label: "7 of 25 dates" }];
    const window = { since: "2026-01-01", until: "2026-01-31", older: 3, open: [] };
    const dates = { ...window, months, files: 10, sizeBytes: 100 };
    await using at = await scene([pageTask("rates", { dates, note: "7 of 25 dates" })]);
    for (const view of VIEWS) {
      const page = await at.open("/tasks/rates", view);
      const where = `${view.colorScheme} ${view.viewport.width}`;
      assertEquals(await axeViolations(page), [], where);
      const excess = "document.documentElement.scrollWidth - innerWidth";
      assertEquals(await page.evaluate(excess), 0, `${where} scrolls sideways`);
      await tabTo(page, 'a[href="/tasks/rates%402026-01-02"]');
      assertEquals(await page.getByLabel("2026-01-02: failed").count(), 1);
      await page.context().close();
    }
    assertEquals(at.errors, []);
  },
});

Deno.test({
  name: "page: names and messages of any length fit the window",
  ignore,
  fn: async () => {
    const id = "a".repeat(300);
    const other = { key: `${id}.refused`, kind: "refused", sha256: null } as const;
    const version = { ...other, sizeBytes: 1, publishedAt: "2026-01-15T06:00:00Z" };
    await using at = await scene([pageTask(id)], "127.0.0.1", {
      runs: [{ ...runRecord("r", "2026-01-15T09:00:00Z"), error: id }],
      files: { "a.csv": id, [version.key]: "b" },
      versions: { [id]: [{ ...version, key: "a.csv", kind: "current" }, version] },
    });
    for (
      const path of [
        "/",
        "/?dense=1",
        "/runs",
        "/runs/r",
        `/tasks/${id}`,
        `/diff?task=${id}&new=${id}.refused`,
      ]
    ) {
      const page = await at.open(path, { viewport: { width: 390, height: 800 } });
      const excess = "document.documentElement.scrollWidth - innerWidth";
      assertEquals(await page.evaluate(excess), 0, path.slice(0, 12));
    }
    assertEquals(at.errors, []);
  },
});

Deno.test({
  name: "page: empty and missing pages have no serious violation",
  ignore,
  fn: async () => {
    await using at = await scene([]);
    for (const view of VIEWS) {
      for (const path of ["/", "/nothing", "/tasks/nothing"]) {
        const page = await at.open(path, view);
        assertEquals(await axeViolations(page), [], path);
        await page.context().close();
      }
    }
    const others = at.errors.filter((text) => !text.includes("status of 404"));
    assertEquals(others, []);
  },
});

Deno.test({
  name: "page: start and end of a run are shown without reloading",
  ignore,
  fn: async () => {
    await using at = await scene();
    const page = await at.open("/");
    await page.getByText("Live", { exact: true }).waitFor();
    // A reload would remove this property.
    await page.evaluate("window.stayed = true");
    assertEquals(await page.getByText("Run in progress").count(), 0);
    startRun(at.at);
    await page.getByText("1 of 29 tasks").waitFor();
    at.at.progress.bytes = 40e6;
    await page.getByText("40 MB received").waitFor();
    at.at.set([pageTask("fresh.csv")]);
    at.at.emit({ type: "run.finished", summary: sampleRuns()[0]?.summary ?? never() });
    await page.getByRole("heading", { name: "The task is fine" }).waitFor();
    await page.getByRole("link", { name: "fresh.csv" }).waitFor();
    await runEnds(page);
    assertEquals(await page.evaluate("window.stayed"), true);
    assertEquals(at.errors, []);
  },
});

function never(): never {
  throw new Error("there are no sample runs");
}

Deno.test({
  name: "page: a task's page follows its transfer until the end, without reloading",
  ignore,
  fn: async () => {
    await using at = await scene();
    const page = await at.open(TASK_PATH);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.evaluate("window.stayed = true");
    startRun(at.at);
    at.at.emit({ type: "task.started", task: FAILING, url: "https://data.example.org/" });
    const transfer = taskProgress(2e6, 20e6);
    at.at.progress.running.set(FAILING, transfer);
    await page.locator(".transfer").getByText("2 MB of 20 MB").waitFor();
    transfer.receivedBytes = 15e6;
    await page.locator(".transfer").getByText("15 MB of 20 MB").waitFor();
    at.at.progress.running.delete(FAILING);
    at.at.emit({ type: "run.finished", summary: sampleRuns()[0]?.summary ?? never() });
    await page.locator(".transfer").waitFor({ state: "detached" });
    assertEquals(await page.evaluate("window.stayed"), true);
    assertEquals(at.errors, []);
  },
});

Deno.test({
  name: "report: works from a folder by keyboard, in both colour schemes and widths",
  ignore,
  fn: async () => {
    await using folder = await temporaryFolder();
    const html = await renderReport({
      tasks: () => Promise.resolve(sampleTasks()),
      versions: () => Promise.resolve(new Map([[FAILING, sampleVersions()]])),
      runs: () => Promise.resolve(sampleRuns()),
      runResults: () => Promise.resolve(sampleResults()),
      days: () => Promise.resolve(sampleDays()),
    }, Temporal.Instant.from("2026-01-15T12:00:00Z"));
    await Deno.writeTextFile(folder.file("index.html"), html);
    const url = `file://${folder.file("index.html")}`;
    await using browser = await openBrowser(url);
    for (const view of VIEWS) {
      const page = await browser.open("", view);
      const heading = () => page.locator("h1:visible").allTextContents();
      assertEquals(await heading(), ["3 of 30 tasks need attention"]);
      assertEquals(await axeViolations(page), []);
      await tabTo(page, `a[href="#task-0"]`);
      await page.keyboard.press("Enter");
      assertEquals(await heading(), [FAILING]);
      assertEquals(await axeViolations(page), []);
      await page.getByRole("link", { name: "Runs" }).first().click();
      assertEquals(await heading(), ["Runs"]);
      await page.locator("a[href='#run-0']:visible").first().click();
      assertEquals(await heading(), ["Run of 2026-01-15 06:00:00 UTC"]);
      const excess = "document.documentElement.scrollWidth - innerWidth";
      assertEquals(await page.evaluate(excess), 0);
      await page.context().close();
    }
    assertEquals(browser.errors, []);
  },
});

Deno.test({
  name: "page: a link keeps the focus during live updates",
  ignore,
  fn: async () => {
    await using at = await scene();
    const page = await at.open("/");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.getByRole("link", { name: "fw9.pdf" }).focus();
    at.at.set(sampleTasks().slice(1));
    startRun(at.at);
    await page.getByRole("heading", { name: "3 of 29 tasks need attention" }).waitFor();
    const focused = await page.evaluate("document.activeElement.getAttribute('href')");
    assertEquals(focused, "/tasks/fw9.pdf");
  },
});

Deno.test({
  name: "page: tasks are filtered by keyboard, with and without JavaScript",
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
    assertEquals(at.errors, []);
  },
});

Deno.test({
  name: "page: content, download and actions work without JavaScript",
  ignore,
  fn: async () => {
    await using at = await scene();
    startRun(at.at);
    const page = await at.open("/?health=unhealthy", { javaScriptEnabled: false });
    assertEquals(await page.locator("tbody tr").count(), 2);
    assertStringIncludes(await page.locator("#progress").innerText(), "1 of 29 tasks");
    await page.getByRole("link", { name: FAILING }).click();
    assertStringIncludes(await page.locator("main").innerText(), "Hint: check the URL.");
    const downloading = page.waitForEvent("download");
    await page.getByRole("link", { name: "ecb-daily.csv", exact: true }).click();
    assertEquals((await downloading).suggestedFilename(), "ecb-daily.csv");
    // One login, after a wrong token, leads back here.
    await page.locator("section.act").getByRole("link", { name: "Log in" }).click();
    await enterToken(page, "wrong");
    assertStringIncludes(await page.locator("main").innerText(), "The token is wrong.");
    await enterToken(page, TOKEN);
    assertEquals(new URL(page.url()).pathname, TASK_PATH);
    await submit(page, "Run now");
    await submit(page, "Pause");
    await page.getByRole("link", { name: "Tasks" }).first().click();
    await submit(page, "Run fw9.pdf now");
    assertEquals(at.at.done, [`run ${FAILING}`, `pause ${FAILING}`, "run fw9.pdf"]);
    await submit(page, "Log out");
    assertEquals(await page.getByRole("button", { name: "Run fw9.pdf now" }).count(), 0);
  },
});

// Browsers treat loopback as trustworthy and send further headers there.
const outer = Deno.networkInterfaces().find(({ family, address }) =>
  family === "IPv4" && !address.startsWith("127.") && !address.startsWith("169.254.")
);

Deno.test({
  name: "page: actions work over plain HTTP from a non-loopback address",
  ignore: ignore || outer === undefined,
  fn: async () => {
    await using at = await scene([pageTask("a.csv")], outer?.address);
    const page = await at.open("/login?back=%2Ftasks%2Fa.csv");
    await enterToken(page, TOKEN);
    await submit(page, "Run now");
    await page.getByRole("heading", { level: 1, name: "a.csv" }).waitFor();
    assertEquals(at.at.done, ["run a.csv"]);
    // Chromium logs that it ignores this header on untrustworthy origins.
    const others = at.errors.filter((text) => !text.includes("Cross-Origin-Opener-Policy"));
    assertEquals(others, []);
  },
});

Deno.test({
  name: "page: markup in a task id is not executed",
  ignore,
  fn: async () => {
    const id = `<img src=x onerror="window.broken = true"><script>window.broken = true</script>`;
    await using at = await scene([pageTask(id, { url: "javascript:window.broken=true" })]);
    const page = await at.open(`/tasks/${encodeURIComponent(id)}`);
    await page.getByText("Live", { exact: true }).waitFor();
    at.at.progress.running.set(id, taskProgress(1, 2));
    at.at.emit({ type: "run.started", tasks: 1 });
    await page.locator(".badge", { hasText: "running" }).waitFor();
    const overview = await at.open("/");
    await overview.getByText("0 of 1 task").waitFor();
    for (const one of [page, overview]) {
      assertEquals(await one.evaluate("window.broken"), undefined);
    }
    assertEquals(at.errors, []);
  },
});

Deno.test({
  name: "serve: shows the progress of a run, and starts another one by keyboard",
  ignore,
  fn: async () => {
    const rest = Promise.withResolvers<void>();
    await using server = origin({ "/large.bin": () => inTwoParts(rest.promise) });
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
    await using browser = await openBrowser(served.url.slice(0, -1));
    const page = await browser.open("/");
    await page.getByText("Live", { exact: true }).waitFor();
    await page.locator("#progress").getByText("1 MB of 2 MB").waitFor();
    assertEquals(await axeViolations(page), []);
    await tabTo(page, ".top a[href^='/login']");
    await page.keyboard.press("Enter");
    await page.locator("#token:focus").waitFor();
    await page.keyboard.type(TOKEN);
    await page.keyboard.press("Enter");
    await page.locator("#progress").getByText("1 MB of 2 MB").waitFor();
    await tabTo(page, "button[value='asked.bin']");
    rest.resolve();
    await page.locator(".badge", { hasText: "healthy" }).waitFor();
    await runEnds(page);
    // Live updates keep the focus.
    assertEquals(await page.locator("button[value='asked.bin']:focus").count(), 1);
    await page.keyboard.press("Enter");
    await page.getByText("All 2 tasks are fine").waitFor();
    await page.locator(".badge.good", { hasText: "healthy" }).nth(1).waitFor();
    assertEquals(server.hits("/large.bin"), 2);
    assertEquals(browser.errors, []);
  },
});

/** Two megabytes, the second one after `rest`. */
function inTwoParts(rest: Promise<void>): Response {
  const megabyte = new Uint8Array(1_000_000).fill(1);
  const body = ReadableStream.from((async function* () {
    yield megabyte;
    await rest;
    yield megabyte;
  })());
  return new Response(body, { headers: { "content-length": "2000000" } });
}
