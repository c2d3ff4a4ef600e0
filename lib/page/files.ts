/** GET /files: downloads of published files. */

import { idBehind } from "./assets.ts";
import type { PageSource } from "./source.ts";

/**
 * Serves a file that a task of the config published, and nothing else in the store. The browser
 * saves it and never renders it, so that foreign HTML cannot run on this origin.
 *
 * @returns Null if there is no such file, or downloads are disabled.
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
