/** The document around every page. */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import { exactTime, shown, Sign } from "./components.tsx";
import { type Assets, loginPath } from "../assets.ts";
import type { PageNotice } from "../source.ts";

/** The parts of a page that do not depend on its content. */
export interface PageContext {
  readonly version: string;
  readonly assets: Assets;
  /** When the page was rendered. */
  readonly now: Temporal.Instant;
  /** Whether the client can log in or out, and to which path that leads. */
  readonly login: { readonly state: "none" | "out" | "in"; readonly back: string };
}

/** The current entry of the navigation. */
export type Section = "tasks" | "runs" | null;

/** Renders a page. */
export function page(
  { title, section, context, content }: {
    readonly title: string;
    readonly section: Section;
    readonly context: PageContext;
    readonly content: Child;
  },
): string {
  const { version, assets, now, login } = context;
  const document = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href={assets.style} />
        <script src={assets.script} defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <a class="mark" href="/">cronfetch</a>
          <nav aria-label="Pages">
            <a href="/" aria-current={section === "tasks" ? "page" : undefined}>Tasks</a>
            <a href="/runs" aria-current={section === "runs" ? "page" : undefined}>Runs</a>
          </nav>
          <p id="connection" role="status"></p>
          {login.state === "out" && <a href={loginPath(login.back)}>Log in</a>}
          {login.state === "in" && (
            <form method="post" action="/logout">
              <button type="submit">Log out</button>
            </form>
          )}
        </header>
        <main id="main" tabindex={-1}>{content}</main>
        <footer>
          <p id="drawn" data-live>
            cronfetch {version}, as of {exactTime(now.toString(), "UTC")}
          </p>
          <p>
            <a href="/api/status">JSON</a>
            <a href="/metrics">Metrics</a>
          </p>
        </footer>
      </body>
    </html>
  );
  return `<!doctype html>${document}`;
}

/** The banners on top of a page. */
export function Notices(
  { notices }: { readonly notices: readonly PageNotice[] },
): JSX.Element {
  return (
    <>
      {notices.map(({ tone, title, lines }) => (
        <div class={`banner ${tone}`}>
          <p>
            <Sign tone={tone} /> <strong>{title}</strong>
          </p>
          {lines.map((line) => <p class="reason">{shown(line)}</p>)}
        </div>
      ))}
    </>
  );
}
