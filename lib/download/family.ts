/**
 * The family of a task: all files that it has published. It determines which existing files the
 * task may replace, and which older files are kept.
 */

import { CronfetchError } from "../core/errors.ts";
import { REFUSED_SUFFIX, versionKey } from "../core/key.ts";
import { isNamedByServer, type Task } from "../core/task.ts";
import type { Validators } from "../core/result.ts";
import type { ChangedFile, FamilyMember, State } from "../state/state.ts";
import type {
  Draft,
  Provenance,
  PublishedFile,
  PublishOptions,
  Sealed,
  Store,
  StoredFile,
} from "../store/store.ts";

/** What a family needs from its run. */
export interface FamilyContext {
  readonly store: Store;
  readonly state: Pick<State, "members" | "saveMember" | "removeMember" | "flush">;
  readonly signal: AbortSignal;
  /** Why a task may not write to a key, as a clause; or null. */
  readonly faultOf: (key: string, task: Task) => string | null;
  /** Saves a change before it is published; null if no task of the run has hooks. */
  readonly claimChange: ((task: Task, change: ChangeClaim) => Promise<void>) | null;
  /** Reserves a key, so that no other task of the run writes to it. */
  readonly reserve: (key: string, task: Task) => void;
}

/** A change that is about to be published. */
export interface ChangeClaim extends ChangedFile {
  readonly status: "created" | "updated";
  /** The requested URL, redacted. */
  readonly url: string;
}

/** The published file in the record of a task. */
export interface Recorded {
  readonly published: Validators | null;
  /** RFC 3339 in UTC, or null. */
  readonly publishedAt: string | null;
}

/** Length limit of a recorded key, in UTF-8 bytes; see `FamilyMember`. */
const LONGEST_KEY_BYTES = 1_024;

/** The family of one task in one run. Members are read on first use. */
export class Family {
  readonly #context: FamilyContext;
  readonly #task: Task;
  readonly #recorded: Recorded;
  #members: Map<string, FamilyMember> | null = null;

  /** Reads nothing. */
  constructor(context: FamilyContext, task: Task, recorded: Recorded) {
    this.#context = context;
    this.#task = task;
    this.#recorded = recorded;
  }

  /**
   * Reserves the key of a file that a server named, in its known spelling.
   *
   * @throws {CronfetchError} `store.conflict` if the task may not write to it.
   */
  async keyFor(key: string): Promise<string> {
    const { knownSpelling } = await import("./family_rules.ts");
    const known = knownSpelling(key, this.#published, [...(await this.members()).values()]);
    this.check(known);
    this.#context.reserve(known, this.#task);
    return known;
  }

  /**
   * Refuses a key that the task may not write to, whether or not a file exists there.
   *
   * @throws {CronfetchError} `store.conflict`.
   */
  check(key: string): void {
    const fault = this.#context.faultOf(key, this.#task);
    if (fault !== null) throw conflict(key, fault);
  }

  /**
   * Reserves the key of a member of an archive, which a server named.
   *
   * @throws {CronfetchError} `store.conflict` if the task may not write to it.
   */
  reserveMember(key: string): void {
    const fault = this.#context.faultOf(key, { ...this.#task, namedByServer: true });
    if (fault !== null) throw conflict(key, fault);
    this.#context.reserve(key, this.#task);
  }

  /** Writes the recorded members to the state. */
  async flush(): Promise<void> {
    await this.#context.state.flush();
  }

  /**
   * Refuses to replace a file that exists under a key named by a server, unless the task has
   * published it. Equal bytes are no proof: the server may know the bytes of the file.
   *
   * @throws {CronfetchError} `store.conflict`.
   */
  async checkExisting(key: string, existing: StoredFile | null): Promise<void> {
    if (!isNamedByServer(this.#task) || existing === null) return;
    const members = await this.members();
    const { claimOn } = await import("./family_rules.ts");
    switch (claimOn(key, this.#published, [...members.values()])) {
      case "own":
        return;
      case "claimed":
        if (await this.#isClaimed(key, existing)) return;
        break;
      case "foreign":
        break;
    }
    throw conflict(
      key,
      "a file of that name exists, and this task has not published it; " +
        'move it away, or name the file with "to"',
    );
  }

  /**
   * Publishes a draft under a key that {@linkcode checkExisting} has accepted. A new key named by a
   * server is claimed in the state first: if the process is killed after publishing and before
   * recording, the next run recognizes the file as the task's own. A change for hooks is saved before,
   * for the same reason.
   *
   * @throws {CronfetchError} `store.` and `state.` codes.
   */
  publish(
    draft: Draft,
    key: string,
    sealed: Sealed,
    provenance: Provenance,
    modifiedMs: number | null = null,
  ): Promise<PublishedFile> {
    this.check(key);
    const options = { provenance, modifiedMs };
    const publish = () =>
      isNamedByServer(this.#task) && draft.existing === null
        ? this.#claimAndPublish(draft, key, sealed, options)
        : draft.publish(options);
    const claimed = this.claimChange(draft, key, sealed, provenance);
    return claimed === null ? publish() : claimed.then(publish);
  }

  /**
   * Saves a change for the hooks of the task, before the first of its files is published. A later call
   * replaces it.
   *
   * @returns Null if the task has no hooks.
   * @throws {CronfetchError} `state.` and `store.` codes; no file may be published then.
   */
  claimChange(
    replaced: Pick<Draft, "existing">,
    key: string,
    sealed: Sealed,
    provenance: Provenance,
  ): Promise<void> | null {
    const { claimChange } = this.#context;
    if (claimChange === null || this.#task.onChange.length === 0) return null;
    return claimChange(this.#task, this.#changeOf(replaced, key, sealed, provenance));
  }

  #changeOf(
    { existing }: Pick<Draft, "existing">,
    key: string,
    { sha256, sizeBytes }: Sealed,
    { source }: Provenance,
  ): ChangeClaim {
    const replaced = existing && { key, ...existing };
    const before = this.#recorded.published ?? replaced;
    return {
      status: existing === null ? "created" : "updated",
      url: source,
      ...{ key, sha256, sizeBytes },
      previous: before &&
        { key: before.key, sha256: before.sha256, sizeBytes: before.sizeBytes },
    };
  }

  async #claimAndPublish(
    draft: Draft,
    key: string,
    sealed: Sealed,
    options: PublishOptions,
  ): Promise<PublishedFile> {
    const { state } = this.#context;
    const before = (await this.members()).get(key);
    this.saveMember({ key, kind: "file", ...sealed, publishedAt: null });
    await state.flush();
    try {
      return await draft.publish({ ...options, exclusive: true });
    } catch (error) {
      if (before) this.saveMember(before);
      else this.removeMember(key);
      throw error;
    }
  }

  /**
   * Copies the published file to the key of an older version.
   *
   * @param sha256 Its digest; null to compute it.
   */
  async keepVersion(key: string, sha256: string | null): Promise<void> {
    const { store, signal } = this.#context;
    // A stat cache may have only seconds; two versions of one second must differ.
    const file = await store.stat(key);
    if (file === null) return;
    const members = await this.members();
    const publishedAt = key === this.#published
      ? this.#recorded.publishedAt
      : members.get(key)?.publishedAt ?? null;
    let atMs = publishedAt === null
      ? file.modifiedMs
      : Temporal.Instant.from(publishedAt).epochMilliseconds;
    let version = versionKey(key, atMs);
    while (members.has(version)) version = versionKey(key, ++atMs);
    this.check(version);
    await store.copy(key, version);
    const digest = sha256 ?? file.sha256 ?? await store.digest(version, signal);
    this.saveMember({
      key: version,
      kind: "version",
      sha256: digest,
      sizeBytes: file.sizeBytes,
      publishedAt: instant(atMs),
    });
  }

  /**
   * Adds the previously newest file to the members if the newest file has another key.
   *
   * @param current Key of the newest file.
   */
  recordPrevious(current: string): void {
    const { published, publishedAt } = this.#recorded;
    if (published === null || published.key === current) return;
    if (published.unpacked?.isPublished === false) return;
    const { key, sha256, sizeBytes } = published;
    // The config assigns the key to another task now.
    if (this.#context.faultOf(key, this.#task) !== null) return;
    const at = publishedAt ?? instant(0);
    this.saveMember({ key, kind: "file", sha256, sizeBytes, publishedAt: at });
  }

  /**
   * Removes the older files beyond those to keep, and claims of runs that crashed. A file that
   * cannot be removed remains a member, and is retried after the next publication.
   *
   * @param current Key of the newest file, which is published already: failures are ignored.
   */
  async cleanUp(current: string): Promise<void> {
    const { keep } = this.#task;
    try {
      if (isNamedByServer(this.#task) && current !== this.#published) {
        await this.#resolveClaims(current);
      }
      if (keep > 0) await this.#prune(current);
    } catch (error) {
      if (!(error instanceof CronfetchError)) throw error;
    }
  }

  async #prune(current: string): Promise<void> {
    const { store, faultOf } = this.#context;
    const members = [...(await this.members()).values()];
    const { surplusMembers } = await import("./family_rules.ts");
    for (const { key } of surplusMembers(members, current, this.#task.keep)) {
      try {
        // Keep a file whose key belongs to another task now.
        if (faultOf(key, this.#task) === null) await store.remove(key);
        this.removeMember(key);
      } catch (error) {
        if (!(error instanceof CronfetchError)) throw error;
      }
    }
  }

  /**
   * Publishes refused content under a separate key, for inspection.
   *
   * @returns That key.
   * @throws {CronfetchError} `store.conflict` if the task may not write to it; other `store.`
   * codes.
   */
  async quarantine(
    draft: Draft,
    key: string,
    sealed: Sealed,
    provenance: Provenance,
  ): Promise<string> {
    const aside = key + REFUSED_SUFFIX;
    this.check(aside);
    const members = await this.members();
    const isKnown = members.get(aside)?.kind === "refused";
    const exclusive = isNamedByServer(this.#task) && !isKnown;
    await draft.publish({ as: aside, provenance, exclusive });
    this.saveMember({ key: aside, kind: "refused", ...sealed, publishedAt: provenance.fetchedAt });
    return aside;
  }

  get #published(): string | null {
    return this.#recorded.published?.key ?? null;
  }

  /** The members by key, as recorded. */
  async members(): Promise<ReadonlyMap<string, FamilyMember>> {
    if (this.#members) return this.#members;
    const { id } = this.#task;
    const found = (await this.#context.state.members([id])).get(id) ?? [];
    return this.#members ??= new Map(found.map((member) => [member.key, member]));
  }

  /** Whether an existing file has the claimed digest. */
  async #isClaimed(key: string, existing: StoredFile): Promise<boolean> {
    const { store, signal } = this.#context;
    const claimed = (await this.members()).get(key)?.sha256 ?? null;
    if (claimed === null) return false;
    return (existing.sha256 ?? await store.digest(key, signal)) === claimed;
  }

  /** Resolves claims of crashed runs: their files become members if they were published. */
  async #resolveClaims(current: string): Promise<void> {
    const { store } = this.#context;
    for (const member of (await this.members()).values()) {
      if (member.publishedAt !== null || member.key === current) continue;
      const file = await store.stat(member.key);
      const isOwn = file !== null && await this.#isClaimed(member.key, file);
      if (isOwn) this.saveMember({ ...member, publishedAt: instant(file.modifiedMs) });
      else this.removeMember(member.key);
    }
  }

  /** Records a member. */
  saveMember(member: FamilyMember): void {
    // A longer key cannot be recorded; the file is published nevertheless.
    if (new TextEncoder().encode(member.key).length > LONGEST_KEY_BYTES) return;
    this.#members?.set(member.key, member);
    this.#context.state.saveMember(this.#task.id, member);
  }

  /** Removes the record of a member. */
  removeMember(key: string): void {
    this.#members?.delete(key);
    this.#context.state.removeMember(this.#task.id, key);
  }
}

/** The error of a key that the task may not write to. `fault` is a clause. */
export function conflict(key: string, fault: string): CronfetchError {
  return new CronfetchError("store.conflict", `${JSON.stringify(key)} is not written: ${fault}`);
}

function instant(epochMilliseconds: number): string {
  return Temporal.Instant.fromEpochMilliseconds(epochMilliseconds).toString();
}
