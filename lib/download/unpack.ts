/** Publishes the members of an archive, each as a file of the task's family. */

import { type Archive, type ArchiveEntry, unpackError } from "../content/archive.ts";
import { openArchive } from "../content/open_archive.ts";
import { baseKey, foldKey } from "../core/key.ts";
import { isIncluded, loadPatternEngine } from "../core/pattern.ts";
import type { MemberCounts, UnpackedArchive, Validators } from "../core/result.ts";
import { Sha256 } from "../core/sha256.ts";
import type { Unpack } from "../core/task.ts";
import { abortReason } from "../http/network_error.ts";
import type { FamilyMember } from "../state/state.ts";
import type { Provenance, Sealed, StatCache, StoredFile } from "../store/store.ts";
import type { AttemptContext, Received } from "./attempt.ts";
import { conflict } from "./family.ts";
import { memberKey, MemberKeys, memberPath, memberPlace, refusedMember } from "./member_key.ts";

/** What unpacking needs in addition to the archive. */
export type UnpackContext = Pick<AttemptContext, "store" | "family" | "signal">;

/** The unpacking of a task, as `publish` needs it. */
export interface Unpacking {
  /** How the archive is unpacked, for the record. */
  readonly unpacked: UnpackedArchive;
  /**
   * Publishes the members of an archive whose files are missing or have other bytes. All members are
   * checked before the first one is published.
   *
   * @param archive A sealed draft.
   * @throws {CronfetchError} `content.unpack`, `store.` and `state.` codes.
   */
  readonly unpack: (archive: Received, provenance: Provenance) => Promise<MemberCounts>;
}

/** Binds the unpacking of a task to its run. */
export async function bindUnpack(
  unpack: Unpack,
  context: UnpackContext,
): Promise<Unpacking> {
  return {
    unpacked: await unpackedBy(unpack),
    unpack: (archive, provenance) =>
      new Unpacker(unpack, context).publishMembers(archive, provenance),
  };
}

async function unpackedBy({ include, strip, to, archive }: Unpack): Promise<UnpackedArchive> {
  const text = new TextEncoder().encode(JSON.stringify([include, strip, to, archive]));
  const digest = await crypto.subtle.digest("SHA-256", text);
  return { options: new Uint8Array(digest).toHex().slice(0, 16), isPublished: archive };
}

/**
 * Whether the published archive was unpacked by the present options, and each member is still in the
 * store. If not, the archive is requested again.
 *
 * @throws {CronfetchError} Any `store.` code.
 */
export async function areMembersCurrent(
  unpack: Unpack,
  { unpacked }: Validators,
  { store, family, signal }: UnpackContext,
): Promise<boolean> {
  if (unpacked === undefined || unpacked.options !== (await unpackedBy(unpack)).options) {
    return false;
  }
  const members = [...(await family.members()).values()].filter(({ kind }) => kind === "member");
  const stats = store.statCache(members.map(({ key }) => key), signal);
  for (const member of members) {
    const file = await stats.get(member.key);
    if (file === null || !await isFileOf(member, file, { store, signal })) return false;
  }
  return true;
}

/** Whether a stored file has the bytes of a member. It is read only if its revision differs. */
async function isFileOf(
  { key, sizeBytes, sha256, revision, publishedAt }: FamilyMember,
  file: StoredFile,
  { store, signal }: Pick<UnpackContext, "store" | "signal">,
): Promise<boolean> {
  if (file.sizeBytes !== sizeBytes || sha256 === null) return false;
  if (publishedAt !== null && revision === file.revision && revision !== "") return true;
  return (file.sha256 ?? await store.digest(key, signal)) === sha256;
}

/** A member that is published, or is to be. */
interface PlannedMember extends Sealed {
  readonly key: string;
  readonly path: string;
  /** Its file, or null. */
  readonly existing: StoredFile | null;
  /** Whether its file has other bytes, or is missing. */
  readonly isOutdated: boolean;
}

/** Unpacks one archive. */
class Unpacker {
  readonly #unpack: Unpack;
  readonly #context: UnpackContext;
  /** Recorded keys of members by their folded key; read on first use. */
  #spellings: ReadonlyMap<string, string> | null = null;

  constructor(unpack: Unpack, context: UnpackContext) {
    this.#unpack = unpack;
    this.#context = context;
  }

  async publishMembers(received: Received, provenance: Provenance): Promise<MemberCounts> {
    const { draft, key, sealed } = received;
    const archive = await openArchive({
      sizeBytes: sealed.sizeBytes,
      head: draft.head.slice(),
      pieces: () => draft.pieces(),
    });
    const checked = await this.#check(archive, key);
    const { store, family, signal } = this.#context;
    const stats = store.statCache([...checked.values()].map((member) => member.key), signal);
    const planned = new Map<string, PlannedMember>();
    for (const [path, member] of checked) planned.set(path, await this.#plan(path, member, stats));
    const outdated = [...planned.values()].filter(({ isOutdated }) => isOutdated);
    const [first] = outdated;
    if (first !== undefined) {
      // The digest of a stored file proves the change after a crash.
      await (this.#unpack.archive
        ? family.claimChange(draft, key, sealed, provenance)
        : family.claimChange(first, first.key, first, provenance));
      await this.#claim(outdated);
      await this.#publish(archive, key, planned, provenance, stats);
    }
    const current = new Set([...planned.values()].map((member) => member.key));
    for (const member of (await family.members()).values()) {
      if (member.kind !== "member" || current.has(member.key)) continue;
      const { revision: _, ...dropped } = member;
      family.saveMember({ ...dropped, kind: "dropped" });
    }
    const created = outdated.filter(({ existing }) => existing === null).length;
    return {
      created,
      updated: outdated.length - created,
      unchanged: planned.size - outdated.length,
    };
  }

  /**
   * Reads all members once, and publishes nothing.
   *
   * @returns Key, size and digest of each member to publish, by its path.
   */
  async #check(
    archive: Archive,
    archiveKey: string,
  ): Promise<Map<string, Sealed & { readonly key: string }>> {
    const { maxSizeBytes } = this.#unpack;
    const keys = new MemberKeys();
    const checked = new Map<string, Sealed & { readonly key: string }>();
    let total = 0;
    for await (const { entry, path, key } of this.#selected(archive, archiveKey)) {
      if (entry.kind !== "file") throw refusedMember(path, `it is ${refusalOf(entry)}`);
      keys.add(key, path);
      const known = await this.#reserve(key, archiveKey);
      const sha256 = new Sha256();
      let sizeBytes = 0;
      for await (const piece of this.#piecesOf(entry)) {
        sizeBytes += piece.length;
        total += piece.length;
        if (total > maxSizeBytes) {
          throw unpackError(
            `its members have more than ${maxSizeBytes} bytes; unpack.maxSize allows more`,
          );
        }
        const added = sha256.update(piece);
        if (added) await added;
      }
      checked.set(path, { key: known, sizeBytes, sha256: await sha256.hex() });
    }
    if (checked.size === 0) {
      throw unpackError(
        this.#unpack.include.length === 0
          ? "it has no members"
          : "no member matches unpack.include",
      );
    }
    return checked;
  }

  /** The members to publish, in the order of the archive. */
  async *#selected(archive: Archive, archiveKey: string): AsyncGenerator<SelectedEntry> {
    const { include, strip } = this.#unpack;
    const engine = include.length === 0 ? null : await loadPatternEngine();
    const { folder, stem } = memberPlace(archiveKey, this.#unpack, archive.isSingleFile);
    for await (const entry of archive.entries()) {
      if (this.#context.signal.aborted) throw abortReason(this.#context.signal);
      if (entry.kind === "folder") continue;
      const path = memberPath(entry.path ?? stem);
      if (engine !== null && !isIncluded(path, include, engine)) continue;
      const key = memberKey(path, folder, archive.isSingleFile ? 0 : strip);
      if (key !== null) yield { entry, path, key };
    }
  }

  async *#piecesOf({ pieces }: ArchiveEntry): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { signal } = this.#context;
    for await (const piece of pieces()) {
      if (signal.aborted) throw abortReason(signal);
      // The members of a stream are parts of its pieces.
      yield piece.slice();
    }
  }

  /**
   * Reserves a key, as the task has published it before, perhaps in another case.
   *
   * @throws {CronfetchError} `store.conflict`: the task may not write to it.
   */
  async #reserve(key: string, archiveKey: string): Promise<string> {
    const { family } = this.#context;
    const folded = foldKey(key);
    const archive = foldKey(archiveKey);
    if (folded === archive || baseKey(folded) === archive) {
      throw conflict(key, "it is the name of the archive, or of an older version of it");
    }
    const members = await family.members();
    this.#spellings ??= new Map(
      [...members.values()].filter(({ kind }) => isMember(kind)).map((
        one,
      ) => [foldKey(one.key), one.key]),
    );
    const known = members.has(key) ? key : this.#spellings.get(folded) ?? key;
    family.reserveMember(known);
    return known;
  }

  /**
   * Compares a member with its file.
   *
   * @throws {CronfetchError} `store.conflict`: the task has not published the file.
   */
  async #plan(
    path: string,
    member: Sealed & { readonly key: string },
    stats: StatCache,
  ): Promise<PlannedMember> {
    const { family } = this.#context;
    const { key, sha256 } = member;
    const existing = await stats.get(key);
    if (existing === null) return { ...member, path, existing, isOutdated: true };
    const recorded = (await family.members()).get(key);
    const isKnown = recorded !== undefined && isMember(recorded.kind);
    const isIntact = isKnown && await isFileOf(recorded, existing, this.#context);
    if (!isKnown || (recorded.publishedAt === null && !isIntact)) {
      throw conflict(
        key,
        "a file of that name exists, and this task has not published it; move it away, or unpack " +
          'to another folder with "to"',
      );
    }
    const isOutdated = recorded.sha256 !== sha256 || !isIntact;
    if (!isOutdated && (recorded.kind !== "member" || recorded.publishedAt === null)) {
      const publishedAt = recorded.publishedAt ?? new Date(existing.modifiedMs).toISOString();
      const { revision } = existing;
      family.saveMember({ ...recorded, kind: "member", publishedAt, revision });
    }
    return { ...member, path, existing, isOutdated };
  }

  /**
   * Records the new members before they are published: if the process is killed in between, the next
   * run recognizes their files.
   */
  async #claim(members: readonly PlannedMember[]): Promise<void> {
    const { family } = this.#context;
    for (const { key, sha256, sizeBytes, existing } of members) {
      if (existing !== null) continue;
      family.saveMember({ key, kind: "member", sha256, sizeBytes, publishedAt: null });
    }
    await family.flush();
  }

  /** Reads the archive again, and publishes the members that are outdated. */
  async #publish(
    archive: Archive,
    archiveKey: string,
    planned: ReadonlyMap<string, PlannedMember>,
    provenance: Provenance,
    stats: StatCache,
  ): Promise<void> {
    const { family } = this.#context;
    const source = { ...provenance, contentType: null, etag: null, lastModified: null };
    const claimed = new Set<string>();
    for (const { key, existing } of planned.values()) if (existing === null) claimed.add(key);
    try {
      for await (const { entry, path } of this.#selected(archive, archiveKey)) {
        const member = planned.get(path);
        if (member?.isOutdated !== true) continue;
        await this.#publishMember(member, entry, source, stats);
        claimed.delete(member.key);
      }
    } catch (error) {
      for (const key of claimed) family.removeMember(key);
      throw error;
    }
  }

  async #publishMember(
    { key, path, sha256, existing }: PlannedMember,
    entry: ArchiveEntry,
    provenance: Provenance,
    statCache: StatCache,
  ): Promise<void> {
    const { store, family } = this.#context;
    await using draft = await store.draft(key, { statCache, expectedBytes: entry.sizeBytes });
    for await (const piece of this.#piecesOf(entry)) await draft.write(piece);
    const sealed = await draft.seal();
    if (sealed.sha256 !== sha256) throw refusedMember(path, "its bytes changed while it was read");
    const { revision } = await draft.publish({ provenance, exclusive: existing === null });
    const publishedAt = provenance.fetchedAt;
    family.saveMember({ key, kind: "member", ...sealed, publishedAt, revision });
  }
}

/** An entry that is published. */
interface SelectedEntry {
  readonly entry: ArchiveEntry;
  /** Its normalized path. */
  readonly path: string;
  readonly key: string;
}

function isMember(kind: FamilyMember["kind"]): boolean {
  return kind === "member" || kind === "dropped";
}

function refusalOf({ kind }: ArchiveEntry): string {
  return typeof kind === "object" ? kind.refused : kind;
}
