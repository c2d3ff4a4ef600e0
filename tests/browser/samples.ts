/** Thirty realistic tasks: most are healthy, the others cover each health and condition. */

import type { TaskStatus } from "../../lib/core/result.ts";
import type { PageTask, PageVersion } from "../../lib/page/source.ts";
import type { DayRecord, RunTaskResult } from "../../lib/state/run_record.ts";
import type { RecentResult, RunRecord } from "../../lib/state/state.ts";
import { pageTask } from "../page/site.ts";
import {
  outcomesText,
  recentResult,
  record,
  runRecord,
  runResult,
  validators,
} from "../state/samples.ts";

/** The current time of all samples: noon. */
const NOW = Temporal.Instant.from("2026-01-15T12:00:00Z");

/** Id of the task whose page has every section. */
export const FAILING = "rates/ecb-daily.csv";

const PLACES: readonly (readonly [id: string, url: string, sizeBytes: number])[] = [
  ["f1040.pdf", "https://www.irs.gov/pub/irs-pdf/f1040.pdf", 220_135],
  ["f1040es.pdf", "https://www.irs.gov/pub/irs-pdf/f1040es.pdf", 442_803],
  ["f1040s1.pdf", "https://www.irs.gov/pub/irs-pdf/f1040s1.pdf", 131_420],
  ["fw9.pdf", "https://www.irs.gov/pub/irs-pdf/fw9.pdf", 140_815],
  ["i1040gi.pdf", "https://www.irs.gov/pub/irs-pdf/i1040gi.pdf", 4_213_006],
  [FAILING, "https://data.example.org/eurofx/2026-01-15.csv", 18_233],
  ["rates/fed-h15.csv", "https://data.example.com/h15/latest.csv", 1_204_533],
  ["stops.zip", "https://transit.example.net/gtfs/stops.zip", 38_120_443],
  ["geo/countries.geojson", "https://geo.example.org/countries.geojson", 24_090_113],
  ["geo/regions.geojson", "https://geo.example.org/regions.geojson", 61_450_087],
  ["publicsuffix/list.dat", "https://lists.example.org/list/public_suffix_list.dat", 310_209],
  ["tzdata.tar.gz", "https://time.example.org/tzdata-latest.tar.gz", 461_120],
  ["vulnerabilities/recent.json.gz", "https://feeds.example.gov/json/recent.json.gz", 4_330_018],
  ["vulnerabilities/modified.json.gz", "https://feeds.example.gov/json/modified.json.gz", 904_117],
  ["holidays.ics", "https://calendar.example.org/holidays.ics", 12_004],
  ["weather/stations.csv", "https://weather.example.org/inventory/stations.csv", 9_870_344],
  ["weather/hourly.csv", "https://weather.example.org/hourly.csv?days=7", 2_209_331],
  ["tides.json", "https://sea.example.org/api/tides.json", 48_211],
  ["keys/release.asc", "https://keys.example.org/release.asc", 3_188],
  ["certificates/roots.pem", "https://ca.example.org/roots.pem", 214_002],
  ["dictionary.txt", "https://words.example.org/dictionary.txt", 4_862_992],
  ["airports.csv", "https://air.example.org/airports.csv", 11_944_201],
  ["postcodes.zip", "https://post.example.org/postcodes.zip", 17_420_552],
  ["elections/results.csv", "https://votes.example.org/2025/results.csv", 88_102],
  ["prices/electricity.csv", "https://grid.example.org/day-ahead.csv", 7_120],
  ["prices/gas.csv", "https://grid.example.org/gas.csv", 7_091],
  ["archive/minutes-of-the-committee-2025.pdf", "https://council.example.org/m.pdf", 2_411_870],
  ["backup/wiki.xml.bz2", "https://wiki.example.org/dump/latest.xml.bz2", 812_330_119],
  ["logo.svg", "https://brand.example.org/logo.svg", 5_301],
  ["statistics/population.xlsx", "https://stat.example.org/population.xlsx", 1_730_442],
];

const ago = (hours: number) => NOW.subtract({ minutes: Math.round(hours * 60) }).toString();

/** Results of a file with occasional changes, newest first. */
function history(sizeBytes: number, seed: number): RecentResult[] {
  return Array.from({ length: 9 }, (_, index) => {
    const wave = Math.sin(seed * 7 + index * 1.7);
    const status: TaskStatus = index === 8 ? "created" : index % 2 === 0 ? "unchanged" : "updated";
    const hours = 6 + index * 24;
    return recentResult({
      run: `run-${9 - index}`,
      at: ago(hours),
      since: ago(hours + (index % 2 === 0 ? 12 : 0)),
      times: index % 2 === 0 && index < 8 ? 3 : 1,
      status,
      httpStatus: status === "unchanged" ? 304 : 200,
      bytes: status === "unchanged" ? 0 : Math.round(sizeBytes * (1 + wave * 0.08 - index * 0.02)),
      durationMs: Math.round(180 + sizeBytes / 40_000 + 90 * wave + 30 * index),
      attempts: wave > 0.9 ? 2 : 1,
    });
  });
}

/** Fifty days of outcomes: changes every few days, some failures, and the last ones. */
function outcomesOf(seed: number, failures: number, code: string | null): string {
  return outcomesText(Array.from({ length: 50 }, (_, index) => {
    const days = 49 - index;
    const hasFailed = days < failures || (days > 5 && (days * 7 + seed * 5) % 43 === 0);
    const hasChanged = days % 9 === seed % 9 || (days + seed) % 4 === 0;
    const status = hasFailed ? "failed" : hasChanged ? "updated" : "unchanged";
    const reason = days < failures ? code : "net.dns";
    return { at: ago(6 + days * 24), status, code: hasFailed ? reason : null };
  }));
}

function sample([id, url, sizeBytes]: typeof PLACES[number], index: number): PageTask {
  const well = history(sizeBytes, index + 1);
  const published = validators({ key: id, source: url, etag: `"${index}-5f3a"`, sizeBytes });
  const base = pageTask(id, {
    url,
    ...(index % 4 === 3
      ? {
        schedule: "every 8h",
        scheduleWords: "Every 8h",
        nextDue: NOW.add({ hours: 2 }).toString(),
      }
      : { schedule: "0 6 * * * (UTC)" }),
    record: record(id, {
      published,
      publishedAt: ago(30),
      changedAt: ago(6 + 24 * (index % 9)),
      lastRunAt: ago(6),
      lastSuccessAt: ago(6),
      results: well,
      outcomes: outcomesOf(index, 0, null),
    }),
  });
  const failure = (change: Partial<RecentResult>, task: Partial<PageTask>, failures: number) => ({
    ...base,
    ...task,
    record: base.record && {
      ...base.record,
      failures,
      failingSince: ago(6 + (failures - 1) * 24),
      outcomes: outcomesOf(index, failures, change.code ?? null),
      health: task.health === "unhealthy" ? "unhealthy" as const : "failing" as const,
      lastSuccessAt: ago(6 + failures * 24),
      retryAt: failures > 1 ? NOW.add({ minutes: 40 }).toString() : null,
      results: [
        recentResult({
          ...{ run: "run-9", at: ago(0.2), since: ago(failures * 24), times: failures },
          ...{ status: "failed", bytes: 0, attempts: 4, durationMs: 31_022, ...change },
        }),
        ...well.slice(1),
      ],
    },
  });
  switch (id) {
    case FAILING:
      return {
        ...failure(
          {
            code: "http.status",
            httpStatus: 404,
            message: `fetching ${url}: 404 Not Found`,
          },
          { health: "unhealthy", stale: true, staleFrom: ago(30), due: false },
          4,
        ),
        mirrors: ["https://mirror.example.org/eurofx/2026-01-15.csv"],
      };
    case "stops.zip":
      return failure(
        {
          code: "timeout.idle",
          httpStatus: 200,
          message: `fetching ${url}: no data for 30s after 12.1 MB`,
        },
        { health: "failing" },
        1,
      );
    case "tides.json":
      return failure(
        {
          code: "expect.type",
          httpStatus: 200,
          message: `fetching ${url}: expected application/json, found text/html`,
        },
        { health: "unhealthy" },
        3,
      );
    case "certificates/roots.pem":
      return {
        ...base,
        health: "stale",
        stale: true,
        staleFrom: ago(52),
        due: true,
        record: base.record && { ...base.record, lastSuccessAt: ago(100), lastRunAt: ago(100) },
      };
    case "postcodes.zip":
      return { ...base, paused: true };
    case "statistics/population.xlsx":
      return { ...base, health: "new", staleFrom: null, due: true, record: null };
    case "logo.svg":
      return {
        ...base,
        schedule: "manual",
        scheduleWords: "Manual",
        nextDue: null,
        staleFrom: null,
      };
    default:
      return base;
  }
}

/** The sample tasks. */
export function sampleTasks(): PageTask[] {
  return PLACES.map(sample);
}

/** Runs of the last days, newest first. */
export function sampleRuns(): RunRecord[] {
  return Array.from({ length: 9 }, (_, index) => {
    const run = {
      ...runRecord(`run-${9 - index}`, ago(6 + index * 24)),
      ...{ trigger: "watch", tasks: 29 } as const,
    };
    const failed = index < 4 ? 3 - Math.floor(index / 2) : 0;
    const counts = {
      ...run.summary.counts,
      updated: 9 + index % 3,
      unchanged: 18 - failed,
      failed,
    };
    const durationMs = 41_200 + 3_700 * ((index * 5) % 7);
    const bytes = 61_000_000 + 9_000_000 * ((index * 3) % 5);
    return { ...run, summary: { counts, bytes, durationMs, exitCode: failed > 0 ? 3 : 0 } };
  });
}

const OLDER = "rates/ecb-daily.20260113T140000000Z.csv";
const REFUSED = `${FAILING}.refused`;

/** The files of the failing task. */
export function sampleVersions(): PageVersion[] {
  const digest = (pair: string) => pair.repeat(32);
  const file = { sizeBytes: 52 };
  return [
    { ...file, key: FAILING, kind: "current", sha256: digest("ab"), publishedAt: ago(30) },
    { ...file, key: REFUSED, kind: "refused", sha256: digest("0f"), publishedAt: ago(6) },
    { key: OLDER, kind: "version", sha256: digest("c4"), sizeBytes: 44, publishedAt: ago(54) },
  ];
}

/** The contents of the files, by key. */
export function sampleFiles(): Record<string, string> {
  return {
    [FAILING]: "currency,rate\nUSD,1.0831\nGBP,0.8452\nJPY,161.12\n",
    [OLDER]: "currency,rate\nUSD,1.0795\nGBP,0.8452\n",
    [REFUSED]: "<html>\n<h1>404 Not Found</h1>\n<script>alert(1)</script>\n",
  };
}

/** The results of the newest run. */
export function sampleResults(): RunTaskResult[] {
  const changed = sampleTasks().filter(({ health }) => health === "healthy").slice(0, 9)
    .map(({ id, record }) => {
      const sizeBytes = record?.published?.sizeBytes ?? 0;
      const previousSizeBytes = Math.round(sizeBytes * (0.9 + id.length % 5 * 0.04));
      return runResult(id, { bytes: sizeBytes, sizeBytes, previousSizeBytes, durationMs: 482 });
    });
  const failed = sampleTasks().flatMap(({ id, record }) => {
    const result = record?.results[0];
    if (result === undefined || result.status === "unchanged") return [];
    const { status, code, message, httpStatus, bytes } = result;
    const attempts = [0, 1_000, 2_000].map((delayMs) => ({ code, httpStatus, delayMs }));
    return [runResult(id, { status, code, message, httpStatus, bytes, sizeBytes: null, attempts })];
  });
  return [...failed, ...changed];
}

/** The last days. */
export function sampleDays(): DayRecord[] {
  return sampleRuns().map(({ startedAt, summary: { counts, bytes } }) => ({
    ...{ day: startedAt.slice(0, "2026-01-15".length), runs: 1, evaluations: 95 },
    ...{ counts, bytes },
  }));
}
