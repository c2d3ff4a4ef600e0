/** Databases of states, damaged in every way that a state has to survive; made from a seed. */

import { DatabaseSync } from "node:sqlite";
import { dirname } from "@std/path";
import { openState } from "../helpers/open.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { ids, member, record, runRecord, runResult } from "./samples.ts";

/** A damaged database. */
export interface Damage {
  readonly name: string;
  /** Makes it at a path in an empty folder. */
  make(path: string): Promise<void>;
}

/** Bytes of a healthy database. */
export interface Healthy {
  /** As a run leaves it that ended. */
  readonly closed: Uint8Array<ArrayBuffer>;
  /** As a run leaves it that was killed: the database and its log. */
  readonly killed: Uint8Array<ArrayBuffer>;
  readonly log: Uint8Array<ArrayBuffer>;
}

const PAGE_BYTES = 4096;
const FRAME_BYTES = PAGE_BYTES + 24;
const LOG_HEADER_BYTES = 32;

/** Every kind of damage, some of them at places that `seed` decides. */
export async function damages(seed: number): Promise<Damage[]> {
  const healthy = await healthyDatabase();
  const random = generator(seed);
  return [
    ...truncated(healthy.closed),
    ...pages(healthy.closed),
    ...headers(healthy.closed),
    ...noise(healthy.closed, random),
    ...otherFiles(random),
    ...otherPrograms(),
    ...changedBySql(healthy.closed),
    ...logs(healthy, random),
    ...noFiles(),
  ];
}

/** Makes a database with 40 records, and one with 80, of which 40 are in its log. */
export async function healthyDatabase(): Promise<Healthy> {
  await using folder = await temporaryFolder();
  const path = folder.file("state.db");
  const fill = async (prefix: string) => {
    await using state = await openState(`kv:${path}`, testHost({ timers: "manual" }));
    for (const task of ids(40, prefix)) {
      state.save(record(task));
      state.saveMember(task, member("a.csv"));
    }
    for (const run of ids(20, prefix)) {
      state.addRun(runRecord(run, "2026-01-15T11:00:00Z"), [runResult("a")]);
    }
    state.park("a.example", Temporal.Instant.from("2026-02-15T12:00:00Z"));
    await state.flush();
    return [await Deno.readFile(path), await Deno.readFile(`${path}-wal`)] as const;
  };
  await fill("first-");
  const closed = await Deno.readFile(path);
  const [killed, log] = await fill("second-");
  return { closed, killed, log };
}

function* truncated(bytes: Uint8Array<ArrayBuffer>): Generator<Damage> {
  for (const size of [1, 15, 99, 512, 4095, 4096, 4097, bytes.length / 2, bytes.length - 1]) {
    yield written(`cut to ${size} bytes`, bytes.slice(0, size));
  }
  yield written("cut by its last page", bytes.slice(0, -PAGE_BYTES));
  yield written("cut in the middle of a page", bytes.slice(0, 5 * PAGE_BYTES + 100));
}

function* pages(bytes: Uint8Array<ArrayBuffer>): Generator<Damage> {
  const count = bytes.length / PAGE_BYTES;
  for (let page = 0; page < count; page++) {
    const start = page * PAGE_BYTES;
    yield changed(`page ${page + 1} of ${count} zeroed`, bytes, (copy) => {
      copy.fill(0, start, start + PAGE_BYTES);
    });
    yield changed(`page ${page + 1} of ${count} with a flipped first byte`, bytes, (copy) => {
      copy[start] = (copy[start] ?? 0) ^ 0xff;
    });
  }
  yield changed("the first half zeroed", bytes, (copy) => copy.fill(0, 0, copy.length / 2));
  yield changed("the second half zeroed", bytes, (copy) => copy.fill(0, copy.length / 2));
  yield changed("all zeroed", bytes, (copy) => copy.fill(0));
}

/** Fields of the header of SQLite (https://sqlite.org/fileformat2.html#the_database_header). */
function* headers(bytes: Uint8Array<ArrayBuffer>): Generator<Damage> {
  for (
    const [field, at, values] of [
      ["magic", 0, [0x73]],
      ["end of the magic", 15, [0x20]],
      ["page size", 16, [0x20, 0x00]],
      ["write and read version", 18, [9, 9]],
      ["reserved bytes", 20, [200]],
      ["payload fractions", 21, [1, 2, 3]],
      ["size in pages", 28, [0, 0, 0, 3]],
      ["first free page", 32, [0, 0, 0, 9, 0, 0, 0, 1]],
      ["schema format", 44, [0, 0, 0, 77]],
      ["text encoding", 56, [0, 0, 0, 2]],
      ["whole of it", 0, Array.from({ length: 100 }, () => 0xff)],
    ] as const
  ) {
    yield changed(`header: ${field}`, bytes, (copy) => copy.set(values, at));
  }
}

function* noise(bytes: Uint8Array<ArrayBuffer>, random: () => number): Generator<Damage> {
  for (let index = 0; index < 6; index++) {
    const page = Math.floor(random() * bytes.length / PAGE_BYTES);
    yield changed(`noise in page ${page + 1}`, bytes, (copy) => {
      for (let at = 0; at < PAGE_BYTES; at++) copy[page * PAGE_BYTES + at] = random() * 256;
    });
  }
  for (let index = 0; index < 6; index++) {
    yield changed(`flipped bits in every page, ${index + 1}`, bytes, (copy) => {
      for (let start = 0; start < copy.length; start += PAGE_BYTES) {
        for (let flip = 0; flip < 8; flip++) {
          const at = start + Math.floor(random() * PAGE_BYTES);
          copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random() * 8));
        }
      }
    });
  }
  yield changed("two pages swapped", bytes, (copy) => {
    const last = copy.slice(-PAGE_BYTES);
    copy.copyWithin(copy.length - PAGE_BYTES, PAGE_BYTES, 2 * PAGE_BYTES);
    copy.set(last, PAGE_BYTES);
  });
}

function* otherFiles(random: () => number): Generator<Damage> {
  const text = (content: string) => new TextEncoder().encode(content);
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => random() * 256);
  for (
    const [name, content] of [
      ["a text", text("meeting at noon\n".repeat(300))],
      ["one line", text("\n")],
      ["JSON", text('{"format": 2, "records": {}, "parked": {}, "runs": []}\n')],
      ["a page of HTML", text("<!doctype html><title>404</title>")],
      ["a pointer to a large file", text("version https://git-lfs.github.com/spec/v1\noid x\n")],
      ["noise", bytes(20_000)],
      ["noise behind the magic", new Uint8Array([...text("SQLite format 3\0"), ...bytes(8_176)])],
      ["gzip", new Uint8Array([0x1f, 0x8b, 8, 0, ...bytes(500)])],
      ["a large text", text("0123456789abcdef".repeat(10_000))],
    ] as const
  ) {
    yield written(name, content);
  }
}

function* otherPrograms(): Generator<Damage> {
  for (
    const [name, sql] of [
      ["of notes", "CREATE TABLE notes (text); INSERT INTO notes VALUES ('a')"],
      ["of notes, empty", "CREATE TABLE notes (text)"],
      ["with a table kv", "CREATE TABLE kv (k PRIMARY KEY, v); INSERT INTO kv VALUES ('a', 'b')"],
      ["with migration_state", "CREATE TABLE migration_state (k, version); CREATE TABLE users (a)"],
      ["in a log", "PRAGMA journal_mode=WAL; CREATE TABLE notes (text)"],
      ["with a view", "CREATE TABLE a (b); CREATE VIEW kv AS SELECT b AS k, b AS v FROM a"],
    ] as const
  ) {
    yield {
      name: `database of another program ${name}`,
      make: (path) => withSql(path, sql),
    };
  }
}

/** What SQLite finds in order, and Deno KV or cronfetch do not. */
function* changedBySql(bytes: Uint8Array<ArrayBuffer>): Generator<Damage> {
  const below = (kind: string) => {
    // A NUL would end the statement.
    const hex = (end: string) =>
      `x'${new TextEncoder().encode(`\u0002cronfetch\0\u0002${kind}${end}`).toHex()}'`;
    return `k > ${hex("\0")} AND k < ${hex("\u0001")}`;
  };
  const statements = [
    ...["kv", "queue", "queue_running", "data_version", "migration_state"].map((table) =>
      `DROP TABLE ${table}`
    ),
    "DELETE FROM data_version",
    "DELETE FROM migration_state",
    "UPDATE data_version SET version = -7",
    "UPDATE data_version SET version = 9223372036854775807",
    "UPDATE migration_state SET version = 0",
    "UPDATE kv SET v_encoding = 1",
    "UPDATE kv SET v_encoding = 2",
    "UPDATE kv SET v_encoding = 9",
    "UPDATE kv SET v = 17",
    "UPDATE kv SET version = 'x'",
    ...["format", "record", "parked", "run", "day", "results", "members"].flatMap((kind) => {
      const where = kind === "format"
        ? "k = x'0263726f6e66657463680002666f726d617400'"
        : below(kind);
      return [
        `UPDATE kv SET v = CAST('{"half' AS BLOB) WHERE ${where}`,
        `UPDATE kv SET v = x'ffff' WHERE ${where}`,
        `UPDATE kv SET v_encoding = 2 WHERE ${where}`,
      ];
    }),
    `UPDATE kv SET v = CAST('{"run":1}' AS BLOB) WHERE ${below("run")}`,
    `UPDATE kv SET v = CAST('{"runs":"1","counts":{}}' AS BLOB) WHERE ${below("day")}`,
    `UPDATE kv SET k = CAST(x'0263726f6e6665746368000272756e0002ff00' AS BLOB) WHERE k = ` +
    `(SELECT k FROM kv WHERE ${below("run")} LIMIT 1)`,
  ];
  for (const sql of statements) {
    yield {
      name: sql.length > 70 ? `${sql.slice(0, 70)}…` : sql,
      make: async (path) => {
        await Deno.writeFile(path, bytes);
        await withSql(path, sql);
      },
    };
  }
}

function* logs({ killed, log }: Healthy, random: () => number): Generator<Damage> {
  const frames = Math.floor((log.length - LOG_HEADER_BYTES) / FRAME_BYTES);
  const flip = (copy: Uint8Array, at: number) => void (copy[at] = (copy[at] ?? 0) ^ 0x10);
  const damaged = (name: string, change: (copy: Uint8Array<ArrayBuffer>) => unknown): Damage => ({
    name: `log: ${name}`,
    make: async (path) => {
      const copy = log.slice();
      await Deno.writeFile(path, killed);
      const given = change(copy);
      await Deno.writeFile(
        `${path}-wal`,
        given instanceof Uint8Array ? new Uint8Array(given) : copy,
      );
    },
  });
  yield damaged("cut in its header", (copy) => copy.slice(0, 20));
  yield damaged("zeroed", (copy) => copy.fill(0));
  yield damaged("header zeroed", (copy) => copy.fill(0, 0, LOG_HEADER_BYTES));
  for (const at of [0, 8, 12, 16, 20, 24, 28]) {
    yield damaged(`a flipped bit in byte ${at} of its header`, (copy) => flip(copy, at));
  }
  yield damaged("a text", () => new TextEncoder().encode("no log\n".repeat(900)));
  yield damaged("noise", (copy) => copy.map(() => random() * 256));
  for (const frame of [0, 1, Math.floor(frames / 2)]) {
    const start = LOG_HEADER_BYTES + frame * FRAME_BYTES;
    yield damaged(`a flipped bit in the header of page ${frame}`, (copy) => flip(copy, start + 3));
    yield damaged(`a flipped bit in page ${frame}`, (copy) => flip(copy, start + 2_000));
    yield damaged(`page ${frame} zeroed`, (copy) => copy.fill(0, start, start + FRAME_BYTES));
  }
}

/** What is in the place of a database without being a file. */
function* noFiles(): Generator<Damage> {
  yield { name: "a folder", make: (path) => Deno.mkdir(path) };
  yield {
    name: "a folder with files",
    make: async (path) => {
      await Deno.mkdir(path);
      await Deno.writeTextFile(`${path}/a.txt`, "a\n");
    },
  };
  yield { name: "a pipe", make: (path) => execute("mkfifo", path) };
  yield { name: "a link to itself", make: (path) => execute("ln", "-s", path, path) };
  yield {
    name: "a file in the place of its folder",
    make: async (path) => {
      await Deno.remove(dirname(path));
      await Deno.writeTextFile(dirname(path), "a\n");
    },
  };
}

function written(name: string, bytes: Uint8Array<ArrayBuffer>): Damage {
  return { name, make: (path) => Deno.writeFile(path, bytes) };
}

function changed(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  change: (copy: Uint8Array<ArrayBuffer>) => unknown,
): Damage {
  const copy = bytes.slice();
  change(copy);
  return written(name, copy);
}

function withSql(path: string, sql: string): Promise<void> {
  using database = new DatabaseSync(path);
  database.exec(sql);
  return Promise.resolve();
}

async function execute(program: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
}

/** Fractions from a seed (a linear congruential generator). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
