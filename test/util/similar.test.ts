import { expect, test } from "vitest";
import { similarName } from "../../src/util/similar.ts";

const NAMES = ["port", "maxMessageSize", "pingInterval", "origins", "onTerminate"];

test.each([
  ["prot", "port"],
  ["pnigInterval", "pingInterval"],
  ["tropy", undefined],
  ["porta", "port"],
  ["origin", "origins"],
  ["maxmessagesize", "maxMessageSize"],
  ["maxMesageSise", "maxMessageSize"],
  ["onTerminated", "onTerminate"],
  ["constructor", undefined],
  ["", undefined],
  ["a".repeat(100_000), undefined],
])("%s means %s", (name, meant) => {
  expect(similarName(name, NAMES)).toBe(meant);
});
