import { assertEquals, assertThrows } from "@std/assert";
import { readWishes } from "../../bench/arguments.ts";
import { trafficOf } from "../../bench/origin.ts";
import { SCENARIOS } from "../../bench/scenarios.ts";

Deno.test("without wishes everything is measured, five times", () => {
  const wishes = readWishes([]);
  assertEquals(wishes, {
    scenarios: SCENARIOS,
    rounds: 5,
    against: null,
    peers: null,
    isTiny: false,
    writes: false,
  });
});

Deno.test("wishes are read", () => {
  const args = ["tls", "big", "--rounds", "7", "--against", "/older", "--peers", "before,wget2"];
  const { scenarios, rounds, against, peers, writes } = readWishes([...args, "--write"]);
  assertEquals(scenarios.map(({ name }) => name), ["big", "tls"]);
  assertEquals([rounds, against, writes], [7, "/older", true]);
  assertEquals(peers, new Set(["before", "wget2"] as const));
});

Deno.test("a trial is one round of cronfetch alone", () => {
  const { rounds, peers, isTiny } = readWishes(["--size", "tiny"]);
  assertEquals([rounds, peers?.size, isTiny], [1, 0, true]);
});

const WRONG: readonly (readonly [args: readonly string[], said: string])[] = [
  [["bigger"], "scenario: bigger is none of big, small"],
  [["--rounds", "0"], "--rounds: 0 is no whole number"],
  [["--rounds", "many"], "--rounds: many"],
  [["--peers", "wget"], "--peers: wget is none of"],
  [["--peers", "before"], "--peers: before needs --against DIR"],
  [["--size", "huge"], "--size: huge is none of full, tiny"],
  [["--size", "tiny", "--write"], "--write"],
  [["--fast"], "--fast"],
];

Deno.test("what there is not is refused", () => {
  for (const [args, said] of WRONG) assertThrows(() => readWishes(args), TypeError, said);
});

Deno.test("a log of nginx is added up, and failures are not passed over", () => {
  assertEquals(trafficOf("200 10\n206 5\n304 0\n"), { requests: 3, sentBytes: 15 });
  assertEquals(trafficOf(""), { requests: 0, sentBytes: 0 });
  assertThrows(() => trafficOf("200 10\n404 5\n"), Error, "nginx answered 404");
});
