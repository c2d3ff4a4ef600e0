/** Published files, for downloading. */

import { idBehind } from "./assets.ts";
import type { PageSource } from "./source.ts";

/**
 * Answers with a published file that a task of the config has left, and with nothing else that
 * may be in the store. A browser saves it and shows none of it, whatever it holds.
 *
 * @returns Null where there is no such file, or files are not given out.
 */
export async function answerFile(
  request: Request,
  source: Pick<PageSource, "files" | "tasks">,
): Promise<Response | null> {
  const key = idBehind("/files/", request.url);
  if (source.files === null || key === null) return null;
  const tasks = await source.tasks();
  const published = tasks.map(({ record }) => record?.published ?? null)
    .find((one) => one?.key === key);
  if (!published) return null;
  const file = await source.files.open(published.key);
  if (file === null) return null;
  const headers = {
    "content-type": "application/octet-stream",
    "content-disposition": "attachment",
    "content-length": `${file.sizeBytes}`,
  };
  if (request.method !== "HEAD") return new Response(file.body, { headers });
  await file.body.cancel();
  return new Response(null, { headers });
}
