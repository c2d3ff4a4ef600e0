/** Config -> Task[]: pure. */

import { CronfetchError } from "../core/errors.ts";
import type { Expectations, Task } from "../core/task.ts";
import type { ChecksumTemplate, Config, DatedParts } from "./config.ts";
import { keyFor } from "./name_from_url.ts";
import { nearest } from "./suggest.ts";
import { renderer } from "./template.ts";
import type { Render } from "./template.ts";

/**
 * The tasks of a config, the dates in them filled in for a run at `at`, each in
 * its task's time zone. A task without dates is the same object at every time.
 *
 * @throws {CronfetchError} `config.invalid` in the odd case that a date makes of
 * a sound URL or name an unsound one, such as a host of `{date:D}`.
 */
export function tasksOf(config: Config, at: Temporal.Instant): Task[] {
  const render = renderer(at);
  return config.tasks.map(({ task, dated }) => dated === null ? task : fillIn(task, dated, render));
}

/**
 * The ids that somebody asked for, all of them known.
 *
 * @throws {CronfetchError} `usage`, with every one that is not, and what it may have meant.
 */
export function knownIds(ids: readonly string[], tasks: readonly Task[]): Set<string> {
  const all = new Set(tasks.map((task) => task.id));
  const unknown = ids.filter((id) => !all.has(id));
  if (unknown.length === 0) return new Set(ids);
  const lines = unknown.map((id) => {
    const near = nearest(id, [...all]);
    const meant = near === null ? asUrl(id) : JSON.stringify(near);
    const hint = meant === null ? "" : `; did you mean ${meant}?`;
    return `There is no task ${JSON.stringify(id)} in the config${hint}`;
  });
  throw new CronfetchError("usage", lines.join("\n"));
}

/** What looks like a host with a path, as a URL. */
function asUrl(text: string): string | null {
  const looksLike = /^(?:[a-z0-9-]+\.)+[a-z0-9-]+(?::[0-9]+)?\/[^\s\p{Cc}]+$/iu.test(text);
  return looksLike && URL.canParse(`https://${text}`) ? `https://${text}` : null;
}

function fillIn(task: Task, dated: DatedParts, render: Render): Task {
  const { timezone } = task;
  const text = render(dated.url, timezone);
  const url = URL.parse(text);
  const key = url === null ? null : keyFor(dated.to, url, timezone, render);
  if (key?.value === undefined) {
    throw new CronfetchError(
      "config.invalid",
      `Filling in the date of the task ${task.id}: its ${
        key === null ? "URL" : `name ${key.complaint}`
      }`,
    );
  }
  return {
    ...task,
    url: text,
    mirrors: dated.mirrors.map((mirror) => render(mirror, timezone)),
    key: key.value,
    expect: withChecksums(task.expect, dated.checksums, render, timezone),
  };
}

/** Expectations with the dates in their checksum files filled in. */
export function withChecksums(
  expect: Expectations,
  checksums: readonly ChecksumTemplate[],
  render: Render,
  timezone: string,
): Expectations {
  if (checksums.length === 0) return expect;
  const sources = checksums.map(({ algorithm, url, name }) => {
    const rendered = name === null ? null : render(name, timezone);
    return [algorithm, { url: render(url, timezone), name: rendered }];
  });
  return { ...expect, ...Object.fromEntries(sources) };
}
