/** Passes a received file through a program of the config, into a new draft. */

import { variable } from "../config/variables.ts";
import { checkContent } from "../content/expect.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import type { HeaderFields } from "../core/http.ts";
import type { ExpectedDigests, Task, Transform } from "../core/task.ts";
import { createErrorQuote, programEnvironment } from "../core/program.ts";
import { errorMessage } from "../core/text.ts";
import { withTimeout } from "../core/time.ts";
import type { AttemptContext, Received } from "./attempt.ts";
import { type PublishContext, transformId } from "./publish.ts";

/** Longest media type that is passed on: a server can send one that is too long for a variable. */
const LONGEST_TYPE = 1_000;

/** The output has no expected digests. */
const NO_DIGESTS: ExpectedDigests = { sha256: null, sha512: null, sha1: null, md5: null };

/** What a transform needs in addition to the file. */
export interface TransformContext extends Pick<AttemptContext, "store" | "statCache" | "signal"> {
  readonly host: Pick<Host, "timers" | "env" | "execute">;
  /** Redacts secrets. */
  readonly redact: (text: string) => string;
}

/**
 * The transform of a task, as `publish` needs it.
 *
 * @param url The requested URL.
 */
export async function bindTransform(
  task: Task,
  url: string,
  { headers }: { readonly headers: HeaderFields },
  context: TransformContext,
): Promise<Pick<PublishContext, "transform" | "transformId">> {
  const { transform } = task;
  if (transform === null) return { transform, transformId: undefined };
  return {
    transform: (received) => {
      const facts = {
        CRONFETCH_TASK: task.id,
        CRONFETCH_KEY: received.key,
        CRONFETCH_URL: context.redact(url),
        CRONFETCH_SIZE: `${received.sealed.sizeBytes}`,
        CRONFETCH_SHA256: received.sealed.sha256,
        CRONFETCH_CONTENT_TYPE: headers.get("content-type")?.slice(0, LONGEST_TYPE) ?? "",
      };
      return transformContent(transform, received, facts, context);
    },
    transformId: await transformId(transform),
  };
}

/**
 * Runs the transform of a task: the received bytes are its input, and its output becomes a draft of the
 * same key. Its environment has a few variables of this process, `CRONFETCH_` variables with facts about
 * the task, and those that the config names.
 *
 * @param facts Variables about the task.
 * @returns The sealed output, which meets `transform.expect`.
 * @throws {CronfetchError} `content.transform`: the program failed, or wrote nothing; `body.too-large`,
 * `expect.` and `store.` codes.
 */
async function transformContent(
  transform: Transform,
  received: Received,
  facts: Readonly<Record<string, string>>,
  { store, statCache, signal, host, redact }: TransformContext,
): Promise<Received> {
  const { key } = received;
  const { command, cwd, timeoutMs, expect } = transform;
  const [program] = command;
  const draft = await store.draft(key, { statCache, expectedBytes: null });
  const quote = createErrorQuote(redact);
  let sizeBytes = 0;
  const stdout = async (piece: Uint8Array<ArrayBuffer>) => {
    sizeBytes += piece.length;
    if (expect.maxSizeBytes !== null && sizeBytes > expect.maxSizeBytes) {
      throw new CronfetchError(
        "body.too-large",
        `${program} wrote more than ${expect.maxSizeBytes} bytes`,
      );
    }
    await draft.write(piece.slice());
  };
  /** The program; a timeout is reported before it has ended. */
  let running: Promise<number> | null = null;
  const env = programEnvironment((name) => variable(name, host), { ...facts, ...transform.env });
  try {
    const code = await withTimeout(
      host.timers,
      timeoutMs,
      (limit) => {
        const ended = AbortSignal.any([limit, signal]);
        const input = received.draft.pieces();
        const options = { cwd, env, stdout, stderr: quote.add };
        running = host.execute(command, input, ended, options).catch((error) => {
          throw startError(error, program);
        });
        return running;
      },
      () => failure(`${program} did not end within ${timeoutMs / 1_000}s`, { retry: "later" }),
    );
    signal.throwIfAborted();
    if (code !== 0) throw failure(`${program} ended with exit code ${code}${quote.text()}`);
    if (sizeBytes === 0 && expect.minSizeBytes > 0) throw failure(`${program} wrote nothing`);
    const output = { ...received, draft, sealed: await draft.seal() };
    await checkContent(
      {
        head: draft.head,
        ...output.sealed,
        contentType: null,
        previousSizeBytes: draft.existing?.sizeBytes ?? null,
        read: () => draft.read(),
        digests: () => Promise.reject(new TypeError("an output has no expected digests")),
      },
      expect,
      NO_DIGESTS,
      key,
    );
    return output;
  } catch (error) {
    // The program uses both drafts.
    await Promise.allSettled([running]);
    await draft.discard();
    throw error;
  }
}

/** The error of a program that cannot be started; one of a draft or of a limit as it is. */
function startError(error: unknown, program: string): CronfetchError {
  if (error instanceof CronfetchError) return error;
  if (error instanceof Deno.errors.NotFound) {
    return failure(`the program ${program} does not exist, or its folder`, { cause: error });
  }
  if (error instanceof Deno.errors.NotCapable) {
    return failure(`${program} may not be run: add --allow-run=${program}`, { cause: error });
  }
  return failure(`${program} cannot be run: ${errorMessage(error)}`, { cause: error });
}

function failure(
  message: string,
  options: { readonly retry?: "later"; readonly cause?: unknown } = {},
): CronfetchError {
  return new CronfetchError("content.transform", `transforming: ${message}`, options);
}
