/**
 * The family of a task: all files it has published. It decides which existing files a task may
 * replace, and which older ones are kept beside the newest.
 */

import { CronfetchError } from "../core/errors.ts";
import { foldKey, REFUSED_SUFFIX, versionKey } from "../core/key.ts";
import type { Task } from "../core/task.ts";
import type { Validators } from "../core/result.ts";
import type { FamilyMember, State } from "../state/state.ts";
import type {
  Draft,
  Provenance,
  PublishedFile,
  Sealed,
  Store,
  StoredFile,
} from "../store/store.ts";

/** What the families of a run share. */
export interface FamilyContext {
  readonly store: Store;
  readonly state: Pick<State, "members" | "saveMember" | "removeMember" | "flush">;
  readonly signal: AbortSignal;
  /** Why a key is not for a task, as a clause; or null. */
  readonly faultOf: (key: string, task: Task) => string | null;
  /** Keeps the other tasks of the run off a key. */
  readonly reserve: (key: string, task: Task) => void;
}

/** What the record of a task holds about its published file. */
export interface Recorded {
  readonly published: Validators | null;
  /** RFC 3339 in UTC, or null. */
  readonly publishedAt: string | null;
}

/** Why a file is not a task's to replace. */
export type Claim =
  /** The record or the family lists it. */
  | "own"
  /** It was claimed before it was published; it is the task's if its digest is the claimed one. */
  | "claimed"
  /** The task has not published it. */
  | "foreign";

/** Whether a file under a key that a server named is one of a task's own. */
export function claimOn(
  key: string,
  published: string | null,
  members: readonly FamilyMember[],
): Claim {
  if (key === published) return "own";
  const member = members.find((one) => one.kind === "file" && one.key === key);
  if (member === undefined) return "foreign";
  return member.publishedAt === null ? "claimed" : "own";
}

/**
 * The spelling of a key in which a task has published a file already. Names that differ only in
 * case or in their Unicode form may be one file, and stay one.
 */
export function knownSpelling(
  key: string,
  published: string | null,
  members: readonly FamilyMember[],
): string {
  const folded = foldKey(key);
  const keys = members.filter(({ kind }) => kind === "file").map((member) => member.key);
  const known = published === null ? keys : [published, ...keys];
  return known.includes(key) ? key : known.find((one) => foldKey(one) === folded) ?? key;
}

/**
 * The older files of a family that are too many, the oldest last.
 *
 * @param current Key of the newest file, which is none of them.
 * @param keep How many older ones stay.
 */
export function surplusMembers(
  members: readonly FamilyMember[],
  current: string,
  keep: number,
): FamilyMember[] {
  const newest = foldKey(current);
  return members
    .filter(({ key, kind, publishedAt }) =>
      kind !== "refused" && publishedAt !== null && foldKey(key) !== newest
    )
    .map((member) => ({ member, atMs: epochMs(member.publishedAt) }))
    .sort((a, b) => b.atMs - a.atMs || (a.member.key < b.member.key ? 1 : -1))
    .slice(keep)
    .map(({ member }) => member);
}

/** Longest key that a state holds, in UTF-8 bytes; see `FamilyMember`. */
const LONGEST_KEY_BYTES = 1_024;

/** The family of one task in one run. Members are read when they are needed first. */
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
   * The key of a file that a server named.
   *
   * @throws {CronfetchError} `store.conflict`: it is not for the task.
   */
  async keyFor(key: string): Promise<string> {
    const known = knownSpelling(key, this.#published, [...(await this.#read()).values()]);
    this.check(known);
    this.#context.reserve(known, this.#task);
    return known;
  }

  /**
   * Refuses a key that the task must not write to, whatever exists there.
   *
   * @throws {CronfetchError} `store.conflict`.
   */
  check(key: string): void {
    const fault = this.#context.faultOf(key, this.#task);
    if (fault !== null) throw conflict(key, fault);
  }

  /**
   * Refuses to replace a file that exists under a key named by a server, unless the task has
   * published it. Equal bytes prove nothing: a server can know the bytes of a file.
   *
   * @throws {CronfetchError} `store.conflict`.
   */
  async checkExisting(key: string, existing: StoredFile | null): Promise<void> {
    if (!this.#task.namedByServer || existing === null) return;
    const members = await this.#read();
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
   * Publishes a draft under a key that {@linkcode checkExisting} has accepted. A new key that a
   * server named is claimed in the state first: if the process is killed after the file is
   * published and before it is recorded, the next run knows it for the task's own.
   *
   * @throws {CronfetchError} `store.` and `state.` codes.
   */
  async publish(
    draft: Draft,
    key: string,
    sealed: Sealed,
    provenance: Provenance,
    modifiedMs: number | null = null,
  ): Promise<PublishedFile> {
    this.check(key);
    if (!this.#task.namedByServer || draft.existing !== null) {
      return await draft.publish({ provenance, modifiedMs });
    }
    const { state } = this.#context;
    const before = (await this.#read()).get(key);
    this.#save({ key, kind: "file", ...sealed, publishedAt: null });
    await state.flush();
    try {
      return await draft.publish({ provenance, modifiedMs, exclusive: true });
    } catch (error) {
      if (before) this.#save(before);
      else this.#remove(key);
      throw error;
    }
  }

  /**
   * Keeps what is published under a key as an older version. It stays published, too.
   *
   * @param sha256 Its digest; null to read it.
   */
  async keepVersion(key: string, sha256: string | null): Promise<void> {
    const { store, signal } = this.#context;
    // A stat cache may know the time to the second only, and two versions in one second are two.
    const file = await store.stat(key);
    if (file === null) return;
    const members = await this.#read();
    const publishedAt = key === this.#published
      ? this.#recorded.publishedAt
      : members.get(key)?.publishedAt ?? null;
    let atMs = publishedAt === null ? file.modifiedMs : epochMs(publishedAt);
    let version = versionKey(key, atMs);
    while (members.has(version)) version = versionKey(key, ++atMs);
    this.check(version);
    await store.copy(key, version);
    const digest = sha256 ?? file.sha256 ?? await store.digest(version, signal);
    this.#save({
      key: version,
      kind: "version",
      sha256: digest,
      sizeBytes: file.sizeBytes,
      publishedAt: instant(atMs),
    });
  }

  /**
   * Makes the file that was the newest before a member, if another key is the newest now.
   *
   * @param current Key of the newest file.
   */
  recordPrevious(current: string): void {
    const { published, publishedAt } = this.#recorded;
    if (published === null || published.key === current) return;
    const { key, sha256, sizeBytes } = published;
    // What the config gives to another task now is that task's.
    if (this.#context.faultOf(key, this.#task) !== null) return;
    const at = publishedAt ?? instant(0);
    this.#save({ key, kind: "file", sha256, sizeBytes, publishedAt: at });
  }

  /**
   * Removes the older files beyond those to keep, and the claims of runs that died. What cannot be
   * removed now stays a member, and is removed after another publication.
   *
   * @param current Key of the newest file, which is published already: nothing here fails.
   */
  async cleanUp(current: string): Promise<void> {
    const { keep, namedByServer } = this.#task;
    try {
      if (namedByServer && current !== this.#published) await this.#settleClaims(current);
      if (keep > 0) await this.#prune(current);
    } catch (error) {
      if (!(error instanceof CronfetchError)) throw error;
    }
  }

  async #prune(current: string): Promise<void> {
    const { store, faultOf } = this.#context;
    const members = [...(await this.#read()).values()];
    for (const { key } of surplusMembers(members, current, this.#task.keep)) {
      try {
        // What has become another task's is left alone.
        if (faultOf(key, this.#task) === null) await store.remove(key);
        this.#remove(key);
      } catch (error) {
        if (!(error instanceof CronfetchError)) throw error;
      }
    }
  }

  /**
   * Puts refused content aside.
   *
   * @returns The key under which it is kept.
   * @throws {CronfetchError} `store.conflict`: that key is not the task's; other `store.` codes.
   */
  async quarantine(
    draft: Draft,
    key: string,
    sealed: Sealed,
    provenance: Provenance,
  ): Promise<string> {
    const aside = key + REFUSED_SUFFIX;
    this.check(aside);
    const members = await this.#read();
    const isKnown = members.get(aside)?.kind === "refused";
    const exclusive = this.#task.namedByServer && !isKnown;
    await draft.publish({ as: aside, provenance, exclusive });
    this.#save({ key: aside, kind: "refused", ...sealed, publishedAt: provenance.fetchedAt });
    return aside;
  }

  get #published(): string | null {
    return this.#recorded.published?.key ?? null;
  }

  async #read(): Promise<Map<string, FamilyMember>> {
    if (this.#members) return this.#members;
    const { id } = this.#task;
    const found = (await this.#context.state.members([id])).get(id) ?? [];
    return this.#members ??= new Map(found.map((member) => [member.key, member]));
  }

  /** Whether the file there is the one that was claimed. */
  async #isClaimed(key: string, existing: StoredFile): Promise<boolean> {
    const { store, signal } = this.#context;
    const claimed = (await this.#read()).get(key)?.sha256 ?? null;
    if (claimed === null) return false;
    return (existing.sha256 ?? await store.digest(key, signal)) === claimed;
  }

  /** Ends the claims of runs that died: their files are members if they were published. */
  async #settleClaims(current: string): Promise<void> {
    const { store } = this.#context;
    for (const member of (await this.#read()).values()) {
      if (member.publishedAt !== null || member.key === current) continue;
      const file = await store.stat(member.key);
      const isOwn = file !== null && await this.#isClaimed(member.key, file);
      if (isOwn) this.#save({ ...member, publishedAt: instant(file.modifiedMs) });
      else this.#remove(member.key);
    }
  }

  #save(member: FamilyMember): void {
    // A longer key cannot be remembered; the file is as good without.
    if (new TextEncoder().encode(member.key).length > LONGEST_KEY_BYTES) return;
    this.#members?.set(member.key, member);
    this.#context.state.saveMember(this.#task.id, member);
  }

  #remove(key: string): void {
    this.#members?.delete(key);
    this.#context.state.removeMember(this.#task.id, key);
  }
}

function conflict(key: string, fault: string): CronfetchError {
  return new CronfetchError("store.conflict", `${JSON.stringify(key)} is not written: ${fault}`);
}

function epochMs(time: string | null): number {
  return time === null ? 0 : Temporal.Instant.from(time).epochMilliseconds;
}

function instant(epochMilliseconds: number): string {
  return Temporal.Instant.fromEpochMilliseconds(epochMilliseconds).toString();
}
