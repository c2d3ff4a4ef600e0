/** Which requests go through a proxy, by the environment variables that `fetch` uses. Pure. */

/** The variables, the more specific ones first. Lower case takes precedence. */
const BY_PROTOCOL: Readonly<Record<string, readonly string[]>> = {
  "http:": ["HTTP_PROXY", "ALL_PROXY"],
  "https:": ["HTTPS_PROXY", "ALL_PROXY"],
};

/** All variables that decide whether a URL goes through a proxy. */
export const PROXY_VARIABLES: readonly string[] = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
].flatMap((name) => [name.toLowerCase(), name]);

/**
 * The variable that names a proxy for a URL.
 *
 * @param env Looks up an environment variable.
 * @returns Its name, or null if the request is sent directly. The value may contain a password and
 * must not be shown.
 */
export function proxyVariable(
  url: URL,
  env: (name: string) => string | undefined,
): string | null {
  const found = (BY_PROTOCOL[url.protocol] ?? [])
    .flatMap((name) => [name.toLowerCase(), name])
    .find((name) => (env(name) ?? "") !== "");
  if (found === undefined) return null;
  const exceptions = env("no_proxy") ?? env("NO_PROXY") ?? "";
  return exceptions.split(",").some((entry) => excepts(entry.trim(), url.hostname)) ? null : found;
}

/** Whether an entry of NO_PROXY matches a host: `*`, the name itself, or a parent domain. */
function excepts(entry: string, hostname: string): boolean {
  if (entry === "*") return true;
  const domain = entry.toLowerCase().replace(/^\./, "");
  return domain !== "" && (hostname === domain || hostname.endsWith(`.${domain}`));
}
