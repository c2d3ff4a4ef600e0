import { assertEquals, assertThrows } from "@std/assert";
import { parseOptions } from "../../bench/arguments.ts";
import { trafficOf } from "../../bench/origin.ts";
import { SCENARIOS } from "../../bench/scenarios.ts";

Deno.test("parseOptions: by default all scenarios, five rounds", () => {
  const options = parseOptions([]);
  assertEquals(options, {
    scenarios: SCENARIOS,
    rounds: 5,
    program: "sources",
    showsTargets: false,
    against: null,
    peers: null,
    isTiny: false,
    writes: false,
  });
});

Deno.test("parseOptions: parses all options", () => {
  const args = ["tls", "big", "--rounds", "7", "--against", "/older", "--peers", "before,wget2"];
  const { scenarios, rounds, against, peers, writes } = parseOptions([...args, "--write"]);
  assertEquals(scenarios.map(({ name }) => name), ["big", "tls"]);
  assertEquals([rounds, against, writes], [7, "/older", true]);
  assertEquals(peers, new Set(["before", "wget2"] as const));
});

Deno.test("parseOptions: --targets is the bundle, with the peers and cases of targets", () => {
  const { scenarios, rounds, program, showsTargets } = parseOptions(["--targets"]);
  assertEquals([rounds, program, showsTargets], [3, "dist", true]);
  const shown = scenarios.map(({ name, peers, cases }) => [name, peers.join(), cases.length]);
  assertEquals(shown.filter(([name]) => ["big", "far", "growth", "cold"].includes(`${name}`)), [
    ["big", "curl", 1],
    ["far", "curl,wget2,aria2c", 2],
    ["growth", "", 1],
    ["cold", "empty", 1],
  ]);
});

Deno.test("parseOptions: --size tiny is one round of cronfetch", () => {
  const { rounds, peers, isTiny } = parseOptions(["--size", "tiny"]);
  assertEquals([rounds, peers?.size, isTiny], [1, 0, true]);
});

const WRONG: readonly (readonly [args: readonly string[], message: string])[] = [
  [["bigger"], "scenario: bigger is not one of big, small"],
  [["--rounds", "0"], "--rounds: 0 is not a whole number"],
  [["--rounds", "many"], "--rounds: many"],
  [["--peers", "wget"], "--peers: wget is not one of"],
  [["--peers", "before"], "--peers: before needs --against DIR"],
  [["--size", "huge"], "--size: huge is not one of full, tiny"],
  [["--size", "tiny", "--write"], "--write"],
  [["--program", "binary"], "--program: binary is not one of sources, dist"],
  [["--targets", "plan"], "scenario: plan is not one of big"],
  [["--fast"], "--fast"],
];

Deno.test("parseOptions: rejects unknown values", () => {
  for (const [args, message] of WRONG) assertThrows(() => parseOptions(args), TypeError, message);
});

Deno.test("trafficOf: adds up a log of nginx and rejects failures", () => {
  assertEquals(trafficOf("200 10\n206 5\n304 0\n"), { requests: 3, sentBytes: 15 });
  assertEquals(trafficOf(""), { requests: 0, sentBytes: 0 });
  assertThrows(() => trafficOf("200 10\n404 5\n"), Error, "nginx answered 404");
});
