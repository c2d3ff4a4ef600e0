/** The files of a task: versions, differences, and the beginning of the published one. */

import type { JSX } from "hono/jsx/jsx-runtime";
import { nameOf } from "../../core/key.ts";
import { formatBytes, formatCount, plural } from "../../report/format.ts";
import { isRedacted } from "../assets.ts";
import { versionBefore } from "../files.ts";
import { sizeChangeLabel } from "../labels.ts";
import type { PageTask, PageVersion } from "../source.ts";
import type { DiffPart, Preview, TextDiff } from "../text_diff.ts";
import { Badge, type Clock, shown, TableHead, When } from "./components.tsx";
import { useLinks } from "./links.ts";

const KINDS: Readonly<Record<PageVersion["kind"], string>> = {
  current: "published",
  earlier: "earlier file",
  version: "kept version",
  refused: "quarantined",
  member: "member",
  dropped: "former member",
};

/** Files that are listed: an archive may have very many members. */
const MOST_FILES = 200;

/** The table of a task's files. */
export function Versions({ task, versions, isDownloadable, clock }: {
  readonly task: PageTask;
  readonly versions: readonly PageVersion[];
  readonly isDownloadable: boolean;
  readonly clock: Clock;
}): JSX.Element | null {
  const links = useLinks();
  if (versions.length === 0) return null;
  return (
    <section aria-label="Files">
      <h2>Files</h2>
      <table class="results versions" role="table">
        <caption>
          {plural(versions.length, "file")}, {formatBytes(
            versions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
          )}
          {!isDownloadable && links.file !== null && (
            <>
              ; downloads are disabled: <span class="code">"page": {`{ "downloads": true }`}</span>
              {" "}
              in the config allows them
            </>
          )}
          {versions.length > MOST_FILES && <>; the first {MOST_FILES} are listed</>}
        </caption>
        <TableHead
          columns={[
            "File",
            "Kind",
            "Published",
            "Size",
            "SHA-256",
            ...(isDownloadable ? ["Changes"] : []),
          ]}
        />
        <tbody role="rowgroup">
          {versions.slice(0, MOST_FILES).map((version) => {
            const { key, kind, publishedAt, sizeBytes, sha256 } = version;
            const before = versionBefore(versions, version);
            const name = <span class="code">{shown(kind === "member" ? key : nameOf(key))}</span>;
            return (
              <tr role="row">
                <td role="cell" class="said">
                  {isDownloadable && links.file !== null && !isRedacted(key)
                    ? <a href={links.file(key, task.id)} download>{name}</a>
                    : name}
                </td>
                <td role="cell">
                  <Badge tone={KIND_TONES[kind]}>{KINDS[kind]}</Badge>
                </td>
                <td role="cell" data-label="Published">
                  {publishedAt !== null && <When time={publishedAt} clock={clock} />}
                </td>
                <td role="cell" class="numbers" data-label="Size">
                  {formatBytes(sizeBytes)}
                  {before !== undefined && (
                    <span class="faint">{sizeChangeLabel(before.sizeBytes, sizeBytes)}</span>
                  )}
                </td>
                <td role="cell" data-label="SHA-256">
                  {sha256 !== null && (
                    <span class="code" title={sha256}>{sha256.slice(0, 12)}</span>
                  )}
                </td>
                {isDownloadable && (
                  <td role="cell">
                    {before !== undefined && links.diff !== null &&
                      ![key, before.key].some(isRedacted) && (
                      <a href={links.diff(task.id, before.key, key)}>
                        compare<span class="unseen">
                          {" "}
                          {shown(nameOf(key))} with {shown(nameOf(before.key))}
                        </span>
                      </a>
                    )}
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

const KIND_TONES = {
  current: "good",
  earlier: "plain",
  version: "plain",
  refused: "warning",
  member: "good",
  dropped: "plain",
} as const;

/** The first lines of the published file. */
export function FilePreview(
  { preview }: { readonly preview: Preview | null },
): JSX.Element | null {
  if (preview === null) return null;
  return (
    <section aria-label="Preview">
      <h2>Preview</h2>
      {preview.kind === "binary"
        ? <p class="faint">The file is binary.</p>
        : preview.lines.length === 0
        ? <p class="faint">The file is empty.</p>
        : (
          <>
            <pre class="text" tabindex={0}>{preview.lines.map(shown).join("\n")}</pre>
            {!preview.isWhole && <p class="faint">The first lines of the file.</p>}
          </>
        )}
    </section>
  );
}

/** The page that compares two files of a task. */
export function DiffPage({ task, older, newer, diff, clock }: {
  readonly task: PageTask;
  readonly older: PageVersion;
  readonly newer: PageVersion;
  readonly diff: TextDiff;
  readonly clock: Clock;
}): JSX.Element {
  const links = useLinks();
  const side = (words: string, version: PageVersion) => (
    <div class="fact">
      <dt>{words}</dt>
      <dd>
        <span class="code">{shown(version.key)}</span>{" "}
        <span class="faint">
          {KINDS[version.kind]}, {formatBytes(version.sizeBytes)}
          {version.publishedAt !== null && (
            <>
              , <When time={version.publishedAt} clock={clock} />
            </>
          )}
        </span>
      </dd>
    </div>
  );
  return (
    <>
      <p class="crumbs">
        <a href={links.home}>Tasks</a> › <a href={links.task(task.id)}>{shown(task.id)}</a>
      </p>
      <h1>Changes</h1>
      <dl>
        {side("Old", older)}
        {side("New", newer)}
      </dl>
      <Difference diff={diff} />
    </>
  );
}

function Difference({ diff }: { readonly diff: TextDiff }) {
  switch (diff.kind) {
    case "equal":
      return <p>The files are equal.</p>;
    case "unavailable":
      return <p>{diff.reason}</p>;
    case "text":
      return (
        <>
          <p>
            {plural(diff.added, "line")} added, {formatCount(diff.removed)} removed.
          </p>
          <table class="diff" role="table" aria-label="Changed lines">
            {diff.parts.map((part) => <DiffRows part={part} />)}
          </table>
          {diff.isCut && <p class="faint">Further changes are not shown.</p>}
        </>
      );
    default:
      return diff satisfies never;
  }
}

const MARKS = { added: "+", removed: "−", same: "" } as const;

function DiffRows({ part }: { readonly part: DiffPart }) {
  let [old, fresh] = [part.oldStart, part.newStart];
  return (
    <tbody role="rowgroup">
      {part.lines.map(({ kind, text }) => {
        const numbers = [kind === "added" ? "" : old++, kind === "removed" ? "" : fresh++];
        return (
          <tr role="row" class={kind}>
            {numbers.map((number) => <td role="cell" class="numbers">{number}</td>)}
            <td role="cell" class="mark">{MARKS[kind]}</td>
            <td role="cell" class="line">{shown(text)}</td>
          </tr>
        );
      })}
    </tbody>
  );
}
