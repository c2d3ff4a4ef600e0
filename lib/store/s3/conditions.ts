/** Conditional writes on servers that compare ETags differently, or ignore conditions. */

import { abortable } from "@std/async";
import { type Condition, ConditionFailed } from "./bucket.ts";
import { isConflict, missingFeature, type S3Feature } from "./errors.ts";
import { S3Failed } from "./exchange.ts";
import type { LearnedFeatures } from "./features.ts";

/** Headers of a write that depend on the server. */
export interface WriteHeaders {
  readonly condition: Readonly<Record<string, string>>;
  /** Whether the checksum may be sent. */
  readonly checksum: boolean;
}

/** A write on a condition. */
export interface ConditionalWrite<Result> {
  readonly key: string;
  readonly condition: Condition;
  /** Whether it completes an upload or copies, where fewer servers check conditions. */
  readonly completes: boolean;
  /**
   * Sends the request.
   *
   * @param beforeRepeat Looks up the object again, if the server does not check the condition; to
   * be called before the request is repeated.
   * @throws {S3Failed}
   */
  readonly request: (
    headers: WriteHeaders,
    beforeRepeat: () => Promise<void>,
  ) => Promise<Result>;
}

/** The requests that conditional writes need in addition. */
export interface ConditionRequests {
  /** The ETag of an object, or null. */
  readonly etagOf: (key: string, signal: AbortSignal) => Promise<string | null>;
  /**
   * Tries one conditional write of an own object, and removes the object. All writes that need the
   * result share it, so the signal of none aborts it.
   *
   * @returns Whether the server checks the condition; null if that cannot be determined.
   */
  readonly probe: (kind: ConditionKind) => Promise<boolean | null>;
}

/** The conditions that need different headers. */
export type ConditionKind = Exclude<Condition["kind"], "any">;

/**
 * Performs writes on conditions. The first one of each kind tries whether the server checks such a
 * condition. If it does not, or for a write that completes an upload, the object is looked up just
 * before the write, which leaves a short gap.
 */
export class ConditionalWriter {
  readonly #features: LearnedFeatures;
  readonly #requests: ConditionRequests;
  readonly #probes = new Map<ConditionKind, Promise<void>>();

  constructor(features: LearnedFeatures, requests: ConditionRequests) {
    this.#features = features;
    this.#requests = requests;
  }

  /**
   * Performs a write. A feature that the server rejects is not used again.
   *
   * @throws {ConditionFailed}
   * @throws {S3Failed}
   */
  async write<Result>(write: ConditionalWrite<Result>, signal: AbortSignal): Promise<Result> {
    const { condition, key } = write;
    const lookUp = async (): Promise<void> => {
      const current = await this.#requests.etagOf(key, signal);
      if (current !== expectedEtag(condition)) throw new ConditionFailed("the object has changed");
    };
    for (;;) {
      if (condition.kind !== "any" && !write.completes) await this.#learn(condition.kind, signal);
      const headers = { condition: this.#headersOf(write), checksum: this.#sendsChecksums() };
      const isSent = Object.keys(headers.condition).length > 0;
      const isLookedUp = condition.kind !== "any" &&
        (write.completes || !isSent || !this.#isChecked(condition));
      if (isLookedUp) await lookUp();
      try {
        const result = await write.request(headers, isLookedUp ? lookUp : async () => {});
        const isFirst = this.#features.known.checksums === "unknown";
        if (isFirst && headers.checksum && !write.completes) {
          this.#features.learn({ checksums: "yes" });
        }
        return result;
      } catch (error) {
        if (!(error instanceof S3Failed)) throw error;
        if (isSent && this.#isRejected(condition, error)) {
          await this.#learnFromRejection(write, headers.condition, error, signal);
        } else if (!this.#learnMissing(write, isSent, headers.checksum, error)) {
          throw error;
        }
      }
    }
  }

  /** Tries once per kind whether the server checks a condition, and again if that fails. */
  async #learn(kind: ConditionKind, signal: AbortSignal): Promise<void> {
    const { ifMatch, ifNoneMatch } = this.#features.known;
    if ((kind === "absent" ? ifNoneMatch : ifMatch) !== "unknown") return;
    let probe = this.#probes.get(kind);
    if (probe === undefined) {
      probe = this.#requests.probe(kind).then((isChecked) => {
        // A write that was sent meanwhile may have shown more.
        const { ifMatch, ifNoneMatch } = this.#features.known;
        if (isChecked === null) return;
        if (kind === "absent" && ifNoneMatch === "unknown") {
          this.#features.learn({ ifNoneMatch: isChecked ? "yes" : "no" });
        }
        if (kind === "revision" && ifMatch === "unknown") {
          this.#features.learn({ ifMatch: isChecked ? "quoted" : "no" });
        }
      }).catch((error) => {
        this.#probes.delete(kind);
        throw error;
      });
      this.#probes.set(kind, probe);
    }
    await abortable(probe, signal);
  }

  /** Whether the server is known to check a condition. */
  #isChecked(condition: Condition): boolean {
    const { ifMatch, ifNoneMatch } = this.#features.known;
    if (condition.kind === "absent") return ifNoneMatch === "yes";
    return ifMatch === "quoted" || ifMatch === "unquoted";
  }

  #sendsChecksums(): boolean {
    return this.#features.known.checksums !== "no";
  }

  #headersOf({ condition, completes }: ConditionalWrite<unknown>): Record<string, string> {
    const { ifMatch, ifNoneMatch, completionConditions } = this.#features.known;
    if (completes && completionConditions === "no") return {};
    switch (condition.kind) {
      case "absent":
        return ifNoneMatch === "no" ? {} : { "if-none-match": "*" };
      case "revision": {
        const { etag } = condition;
        if (ifMatch === "no" || etag === "") return {};
        return { "if-match": ifMatch === "unquoted" ? etag.replaceAll('"', "") : etag };
      }
      case "any":
        return {};
      default:
        return condition satisfies never;
    }
  }

  #isRejected(condition: Condition, { failure }: S3Failed): boolean {
    return isConflict(failure) || (condition.kind === "revision" && failure.name === "NoSuchKey");
  }

  /**
   * Looks up the object after a 412. If it is the expected one nevertheless, the server cannot
   * compare the condition: another form is tried, then none.
   *
   * @throws {ConditionFailed} The object has changed.
   */
  async #learnFromRejection(
    { key, condition, completes }: ConditionalWrite<unknown>,
    sent: WriteHeaders["condition"],
    { failure }: S3Failed,
    signal: AbortSignal,
  ): Promise<void> {
    const current = await this.#requests.etagOf(key, signal);
    if (current !== expectedEtag(condition) || failure.status === 409) {
      throw new ConditionFailed(failure.message);
    }
    if (completes) this.#features.learn({ completionConditions: "no" });
    else if (condition.kind === "absent") this.#features.learn({ ifNoneMatch: "no" });
    else if (!sent["if-match"]?.includes('"')) this.#features.learn({ ifMatch: "no" });
    // Concurrent writes are rejected together, and only the first one has something to learn.
    else if (this.#features.known.ifMatch !== "no") this.#features.learn({ ifMatch: "unquoted" });
  }

  /** Learns from the rejection of a header; false if the request failed for another reason. */
  #learnMissing(
    { condition, completes }: ConditionalWrite<unknown>,
    isSent: boolean,
    checksum: boolean,
    { failure }: S3Failed,
  ): boolean {
    const used = new Set<S3Feature>();
    if (isSent) used.add("conditions");
    if (checksum && !completes) used.add("checksums");
    const feature = missingFeature(failure, used);
    if (feature === null) return false;
    if (feature === "checksums") this.#features.learn({ checksums: "no" });
    else if (completes) this.#features.learn({ completionConditions: "no" });
    else if (condition.kind === "absent") this.#features.learn({ ifNoneMatch: "no" });
    else this.#features.learn({ ifMatch: "no" });
    return true;
  }
}

/** The ETag that an object must have; null if it must not exist. */
function expectedEtag(condition: Condition): string | null {
  return condition.kind === "revision" ? condition.etag : null;
}
