/** Delivers the changes of a task to its hooks, in order, and records what they have received. */

import { join } from "@std/path";
import type { Config } from "../config/config.ts";
import { createRedactor } from "../config/secrets.ts";
import type { RunOccurrence } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { serverSettings } from "../core/host_rules.ts";
import { parseStoreLocation } from "../core/location.ts";
import type { Hook, Task } from "../core/task.ts";
import { backoffMs, utcMinuteText } from "../core/time.ts";
import { changeDocument, changePayload, hookId } from "../report/hooks.ts";
import {
  describeTarget,
  openSender,
  type Sender,
  type TargetFailure,
  targetName,
} from "../report/send.ts";
import { cutMessage } from "../state/record.ts";
import type { Delivery } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { failureOf } from "./history.ts";
import type { Outbox } from "./outbox.ts";

/** Limit of one request, and of a command. */
const TIMEOUT_MS = 60_000;
/** Tasks whose changes are delivered at a time. */
export const HOOK_CONCURRENCY = 4;
const FIRST_BACKOFF_MS = 60_000;
const LONGEST_BACKOFF_MS = 6 * 60 * 60 * 1_000;
/** Age from which on a change is removed after a failed attempt. */
const LIFETIME_MS = 7 * 24 * 60 * 60 * 1_000;

/** What delivering uses. */
export interface DelivererContext {
  readonly config: Pick<Config, "hosts" | "secrets">;
  readonly host: Host;
  readonly store: Store;
  /** Ends delivering; what was not delivered is delivered by a later run. */
  readonly signal: AbortSignal;
  readonly emit: (occurrence: RunOccurrence) => void;
}

/** Delivers changes. Disposal closes its connections. */
export interface Deliverer extends AsyncDisposable {
  /** Failures so far, one or two lines each. */
  readonly warnings: readonly string[];
  /** Does work that may fail; the failure becomes a warning. */
  guard(work: () => Promise<void>): Promise<void>;
  /**
   * Delivers the changes of a task that is leased, in order. Never throws.
   *
   * @param isNew Whether there is a new change, so that older ones do not wait for their next attempt.
   */
  deliver(task: Task, isNew: boolean): Promise<void>;
  /** Delivers the changes of tasks that are leased. Never throws. */
  deliverAll(tasks: readonly Task[]): Promise<void>;
}

/** A hook of a task, by its id in the state. */
type Hooks = ReadonlyMap<string, Hook>;

/** Creates a deliverer. Connections are opened by the first change for a webhook. */
export function createDeliverer(outbox: Outbox, context: DelivererContext): Deliverer {
  const { host: { clock }, signal } = context;
  const sending = createSending(context);
  const warnings: string[] = [];

  const guard = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) warnings.push(`Delivering changes failed: ${failureOf(error).message}`);
    }
  };

  /** Delivers one change to some hooks, and records the outcome. Returns the ids of those that failed. */
  const attempt = async (
    task: Task,
    delivery: Delivery,
    open: Hooks,
    all: Hooks,
  ): Promise<Iterable<string>> => {
    const failures = await sending.send(task, delivery, open);
    const received = [...delivery.received, ...open.keys().filter((id) => !failures.has(id))];
    const next = failures.size === 0 || signal.aborted
      ? { ...delivery, received }
      : { ...delivery, received, ...failedAttempt(delivery, failures, clock.now()) };
    const hasExpired = next.failures > delivery.failures && next.retryAt === null;
    if (hasExpired || all.keys().every((id) => received.includes(id))) {
      outbox.remove(task.id, delivery.id);
    } else if (open.size > 0) {
      outbox.save(task.id, next);
    }
    for (const [id, hook] of open) {
      const failure = failures.get(id) ?? null;
      // An interruption is no failure.
      if (failure === null || !signal.aborted) report(task, next, hook, failure);
    }
    return failures.keys();
  };

  const report = (
    { id: task }: Task,
    { id: change, retryAt }: Delivery,
    hook: Hook,
    failure: TargetFailure | null,
  ) => {
    const { emit } = context;
    const type = "hook.finished";
    const name = targetName(hook, sending.redact);
    if (failure === null) {
      const none = { code: null, message: null, retryAt: null };
      return emit({ type, task, change, hook: name, status: "delivered", ...none });
    }
    const { message, hint } = failure;
    const status = retryAt === null ? "expired" : "failed";
    emit({ type, task, change, hook: name, status, code: "hook.failed", message, retryAt });
    const next = retryAt === null
      ? "it is not tried again after 7 days"
      : `next attempt after ${utcMinuteText(retryAt)}`;
    warnings.push(
      `Delivering a change of ${JSON.stringify(task)} to ${describeTarget(hook, sending.redact)} ` +
        `failed: ${message}; ${next}${hint === null ? "" : `\nhint: ${hint}`}`,
    );
  };

  const deliver = (task: Task, isNew: boolean) =>
    guard(async () => {
      const pending = await outbox.pending(task.id);
      if (!isNew && !outbox.isDue(task)) return;
      const all = await hooksOf(task);
      const blocked = new Set<string>();
      for (const delivery of pending) {
        if (signal.aborted) return;
        const isOpen = (id: string) => !blocked.has(id) && !delivery.received.includes(id);
        const open = new Map([...all].filter(([id]) => isOpen(id)));
        for (const id of await attempt(task, delivery, open, all)) blocked.add(id);
      }
    });

  return {
    ...{ warnings, guard, deliver },
    deliverAll: async (tasks) => {
      const queue = tasks.values();
      const work = async () => {
        for (const task of queue) if (!signal.aborted) await deliver(task, false);
      };
      await Promise.all(Array.from({ length: HOOK_CONCURRENCY }, work));
    },
    [Symbol.asyncDispose]: () => sending[Symbol.asyncDispose](),
  };
}

/** The fields of a change after a failed attempt; `retryAt` is null if it has expired. */
function failedAttempt(
  { failures: before, claimedAt }: Delivery,
  failed: ReadonlyMap<string, TargetFailure>,
  now: Temporal.Instant,
): Pick<Delivery, "failures" | "retryAt" | "message"> {
  const failures = before + 1;
  const hasExpired = now.since(claimedAt).total("milliseconds") >= LIFETIME_MS;
  const delayMs = backoffMs(failures, FIRST_BACKOFF_MS, LONGEST_BACKOFF_MS);
  const message = [...failed.values()].map((failure) => failure.message).join("; ");
  return {
    failures,
    retryAt: hasExpired ? null : now.add({ milliseconds: delayMs }).toString(),
    message: cutMessage(message),
  };
}

/** Sends documents about changes. */
interface Sending extends AsyncDisposable {
  readonly redact: (text: string) => string;
  /** Sends a change to hooks. Returns the failures by the hook's id. */
  send(task: Task, delivery: Delivery, hooks: Hooks): Promise<ReadonlyMap<string, TargetFailure>>;
}

function createSending({ config, host, store, signal }: DelivererContext): Sending {
  const redact = createRedactor(config.secrets);
  const folder = folderOf(store);
  let sender: Promise<Sender> | null = null;

  /** The paths of the files that this machine has. */
  const pathsOf = async ({ files }: Delivery) => {
    const paths = new Map<string, string>();
    if (folder === null) return paths;
    for (const { key } of files) {
      if (await store.stat(key) !== null) paths.set(key, join(folder, key));
    }
    return paths;
  };

  return {
    redact,
    send: async (task, delivery, hooks) => {
      const failures = new Map<string, TargetFailure>();
      if (hooks.size === 0) return failures;
      const paths = await pathsOf(delivery);
      const payload = changePayload(
        changeDocument(task.id, delivery, (key) => paths.get(key) ?? null),
      );
      const opened = await (sender ??= openSender({
        ...{ host, redact, signal, timeoutMs: TIMEOUT_MS },
        settingsOf: (origin) => serverSettings(config.hosts, origin),
      }));
      await Promise.all([...hooks].map(async ([id, hook]) => {
        try {
          await opened.send(hook, payload);
        } catch (error) {
          failures.set(id, error as TargetFailure);
        }
      }));
      return failures;
    },
    [Symbol.asyncDispose]: async () => {
      if (sender !== null) await (await sender)[Symbol.asyncDispose]();
    },
  };
}

/** The hooks of a task by their ids. */
async function hooksOf({ onChange }: Task): Promise<Hooks> {
  return new Map(
    await Promise.all(onChange.map(async (hook) => {
      return [await hookId(hook), hook] as const;
    })),
  );
}

/** The folder of a store; null for a bucket, and for a store of the caller's. */
function folderOf({ location }: Store): string | null {
  const { value } = parseStoreLocation(location, "/");
  return value?.kind === "folder" ? value.path : null;
}
