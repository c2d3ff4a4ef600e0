/** The write-ahead log of SQLite: https://sqlite.org/fileformat2.html#the_write_ahead_log. Pure. */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The last bit of the magic number is the byte order of the checksums. */
const MAGIC = 0x377f0682;

/** A checksum of SQLite: two sums modulo 2^32. */
type Sums = readonly [number, number];

/**
 * The damage of a write-ahead log, or null.
 *
 * SQLite ends a log at the first incomplete frame. That is correct for the last writes of a killed
 * process, but damage in the middle silently drops all later commits. The difference is what follows:
 * after damage there is a commit whose checksum continues that of its previous frame; after the writes
 * of a killed process there are only frames of an earlier log, with another salt, and of an incomplete
 * commit.
 */
export function walDamage(bytes: Uint8Array): string | null {
  if (bytes.length === 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) return "its header is cut off";
  const magic = view.getUint32(0);
  if ((magic & ~1) >>> 0 !== MAGIC) return "it has no header";
  const littleEndian = (magic & 1) === 0;
  const add = (sums: Sums, start: number, end: number) => sum(view, sums, start, end, littleEndian);
  let sums = add([0, 0], 0, 24);
  if (!hasSums(view, 24, sums)) return "its header is damaged";
  const pageBytes = view.getUint32(8);
  // The checksum is valid, so these are the sizes that SQLite wrote.
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  const salt = view.getBigUint64(16);
  let isWhole = true;
  for (let at = HEADER_BYTES; at + frameBytes <= bytes.length; at += frameBytes) {
    const isOfThisLog = view.getBigUint64(at + 8) === salt;
    const isCommit = view.getUint32(at + 4) !== 0;
    if (!isWhole) {
      if (!isOfThisLog || !isCommit) continue;
      const before = at - frameBytes + 16;
      sums = [view.getUint32(before), view.getUint32(before + 4)];
    }
    sums = add(add(sums, at, at + 8), at + FRAME_HEADER_BYTES, at + frameBytes);
    const isValid = isOfThisLog && hasSums(view, at + 16, sums);
    if (!isWhole && isValid) return `a page before byte ${at} is damaged`;
    isWhole &&= isValid;
  }
  return null;
}

function hasSums(view: DataView, at: number, [first, second]: Sums): boolean {
  return view.getUint32(at) === first && view.getUint32(at + 4) === second;
}

/** Adds bytes, a multiple of 8, to a checksum. */
function sum(
  view: DataView,
  [first, second]: Sums,
  start: number,
  end: number,
  littleEndian: boolean,
): Sums {
  for (let at = start; at < end; at += 8) {
    first = (first + view.getUint32(at, littleEndian) + second) >>> 0;
    second = (second + view.getUint32(at + 4, littleEndian) + first) >>> 0;
  }
  return [first, second];
}
