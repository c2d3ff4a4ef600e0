/**
 * cronfetch keeps a folder or bucket of remote files up to date, and lets people trust
 * every file in it. This is its API for programs; the command line is `main.ts`.
 *
 * @example One run
 * ```ts
 * import { run } from "@cronfetch/cronfetch";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve(
 *   { hostname: "127.0.0.1", port: 0, onListen: () => {} },
 *   () => new Response("currency,rate\nEUR,1\n"),
 * );
 * const { results, summary } = await run({
 *   store: "memory:",
 *   state: "memory:",
 *   tasks: [`http://127.0.0.1:${server.addr.port}/rates.csv`],
 * });
 * assertEquals(results.map(({ task, status }) => [task, status]), [["rates.csv", "created"]]);
 * assertEquals(summary.exitCode, 0);
 * ```
 *
 * @module
 */

export { defineConfig } from "./config/input.ts";
export type {
  ConfigInput,
  DatesInput,
  DigestInput,
  FormValue,
  HookInput,
  ListTaskInput,
  RequestBodyInput,
  SameInput,
  TaskInput,
  TransformInput,
  UnpackInput,
} from "./config/input.ts";
export type { AuthInput, HostInput } from "./config/host_input.ts";
export type { ListInput } from "./config/list_input.ts";
export { ConfigError, type Excerpt, type Place, type Problem } from "./config/problem.ts";
export {
  CronfetchError,
  type CronfetchErrorOptions,
  ERROR_CODES,
  type ErrorCode,
  type ErrorCodeMeaning,
  type Retry,
} from "./core/errors.ts";
export type {
  AlertKind,
  EventHead,
  Health,
  Progress,
  Reporter,
  RunEvent,
  RunOccurrence,
  TaskPhase,
  TaskProgress,
  TaskRetry,
} from "./core/event.ts";
export type {
  ClientConnection,
  ClientIdentity,
  Clock,
  Connect,
  ConnectTls,
  ExecuteOptions,
  Fetch,
  FetchClient,
  FetchOptions,
  Host,
  Listener,
  OpenThread,
  Output,
  Random,
  ServerConnection,
  StopSignal,
  TcpConnection,
  Thread,
  Timers,
  TlsOptions,
} from "./core/host.ts";
export {
  NO_TELEMETRY,
  type Span,
  type SpanEnd,
  type SpanStart,
  type Telemetry,
  type Tracing,
} from "./core/telemetry.ts";
export {
  type AttemptResult,
  EXIT,
  EXIT_CODES,
  type ExitCodeMeaning,
  type MemberCounts,
  type ReceivedContent,
  type RunSummary,
  type RunTrigger,
  type TaskResult,
  type TaskStatus,
  type Timings,
  type UnpackedArchive,
  type Validators,
  type Warning,
} from "./core/result.ts";
export type {
  ChecksumSource,
  DigestAlgorithm,
  Expectations,
  ExpectedDigest,
  Hook,
  ReadRequest,
  RetryLimits,
  SameRule,
  Schedule,
  Task,
  TaskOrigin,
  Timeouts,
  Transform,
  Unpack,
} from "./core/task.ts";
export type { ChangedFileDocument, ChangeDocument } from "./report/hooks.ts";
export { run, type RunOptions, type RunReport } from "./run.ts";
export type {
  ActiveRun,
  DayRecord,
  RecordedAttempt,
  RunRecord,
  RunTaskResult,
} from "./state/run_record.ts";
export { type Outcome, recentOutcomes } from "./state/outcomes.ts";
export type {
  FleetSummary,
  RecordIndex,
  RecordQuery,
  RecordSums,
  WorkerSummary,
} from "./state/record_index.ts";
export type {
  ChangedFile,
  Delivery,
  FamilyMember,
  ItemBody,
  OlderRepresentation,
  OpenAlert,
  PartRecord,
  RecentResult,
  State,
  TaskRecord,
} from "./state/state.ts";
export { createStore } from "./store/create_store.ts";
export type { DraftSteps, PublishRequest } from "./store/draft.ts";
export type { BeginOptions, Driver, ResumedSteps } from "./store/driver.ts";
export { changedConcurrently, DriverError } from "./store/errors.ts";
export type {
  Draft,
  DraftOptions,
  ListedFile,
  Provenance,
  PublishedFile,
  PublishOptions,
  ResumedDraft,
  Sealed,
  StatCache,
  Store,
  StoredFile,
} from "./store/store.ts";
