/** Stands in for `@std/async` where JSR cannot be reached: the functions used here, nothing else. */

/** The longest wait a timer keeps; a longer one fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Options of {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the delay early. */
  signal?: AbortSignal;
  /**
   * Whether the delay keeps the process alive.
   *
   * @default {true}
   */
  persistent?: boolean;
}

/** Resolves after `ms` milliseconds, or rejects with the signal's reason once that is aborted. */
export function delay(ms: number, options: DelayOptions = {}): Promise<void> {
  const { signal, persistent = true } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let remainingMs = Math.trunc(Math.max(ms, 0) || 0);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => {
    const stepMs = Math.min(remainingMs, LONGEST_TIMER_MS);
    remainingMs -= stepMs;
    timer = setTimeout(remainingMs > 0 ? wait : finish, stepMs);
    if (!persistent) Deno.unrefTimer(timer);
  };
  const finish = () => {
    signal?.removeEventListener("abort", abort);
    resolve();
  };
  const abort = () => {
    clearTimeout(timer);
    reject(signal?.reason);
  };
  signal?.addEventListener("abort", abort, { once: true });
  wait();
  return promise;
}

/** Settles like `promise`, or rejects with the signal's reason once that is aborted. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  return Promise.race([aborted, promise]).finally(() => {
    signal.removeEventListener("abort", abort);
  });
}

/** Options of {@linkcode deadline}. */
export interface DeadlineOptions {
  /** Ends the wait early. */
  signal?: AbortSignal;
}

/** Settles like `promise`, or rejects with a `TimeoutError` once `ms` milliseconds have passed. */
export function deadline<T>(
  promise: Promise<T>,
  ms: number,
  options: DeadlineOptions = {},
): Promise<T> {
  const signals = options.signal === undefined ? [] : [options.signal];
  if (ms < Number.MAX_SAFE_INTEGER) signals.push(AbortSignal.timeout(ms));
  return abortable(promise, AbortSignal.any(signals));
}

/**
 * Maps the items, at most `poolLimit` at a time, from the call on and whether or not the results
 * are read. Gives them in the order of the items. Once one fails no other begins; those under way
 * end and are given, then an `AggregateError` of the failures is thrown.
 */
export function pooledMap<T, R>(
  poolLimit: number,
  array: Iterable<T> | AsyncIterable<T>,
  iteratorFn: (data: T) => Promise<R>,
): AsyncIterableIterator<R> {
  let stopped = false;
  const outcomes = new ReadableStream<Promise<PromiseSettledResult<R>>>({
    async start(controller) {
      const running = new Set<Promise<unknown>>();
      const begin = (item: T) => {
        const outcome = settle(Promise.resolve(item).then(iteratorFn)).then((result) => {
          stopped ||= result.status === "rejected";
          running.delete(outcome);
          return result;
        });
        running.add(outcome);
        controller.enqueue(outcome);
      };
      try {
        for await (const item of array) {
          if (stopped) break;
          begin(item);
          if (running.size >= poolLimit) await Promise.race(running);
          if (stopped) break;
        }
        await Promise.all(running);
      } catch (error) {
        controller.enqueue(settle(Promise.reject(error)));
      }
      controller.close();
    },
    cancel() {
      stopped = true;
    },
  });
  return unwrap(outcomes);
}

async function settle<R>(promise: Promise<R>): Promise<PromiseSettledResult<R>> {
  const [result] = await Promise.allSettled([promise]);
  return result;
}

async function* unwrap<R>(
  outcomes: ReadableStream<Promise<PromiseSettledResult<R>>>,
): AsyncGenerator<R> {
  const failures: unknown[] = [];
  for await (const outcome of outcomes) {
    const result = await outcome;
    if (result.status === "fulfilled") yield result.value;
    else failures.push(result.reason);
  }
  if (failures.length > 0) throw new AggregateError(failures, "Threw while mapping.");
}
