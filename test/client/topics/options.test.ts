import { expect, test } from "vitest";
import { readClientSubscribe, readTopicOptions } from "../../../src/client/topics/options.ts";

test("the client below gets the options, but hands messages over as they are", () => {
  const { own, data, positions } = readTopicOptions(
    {
      dataType: "object",
      invalidJson: "ignore",
      maxJsonDepth: 3,
      reconnect: true,
      protocols: "a",
      positions: { x: "p.1.-" },
    },
    {},
  );
  expect(own).toEqual({ dataType: "auto", maxJsonDepth: 3, reconnect: true, protocols: ["a", "hawser.v1"] });
  expect(data).toEqual({ dataType: "object", ignoresInvalidJson: true, maxJsonDepth: 3, maxJsonValues: 100_000 });
  expect([...positions]).toEqual([["x", "p.1.-"]]);
});

test.each([
  [undefined, ["hawser.v1"]],
  [
    ["hawser.v1", "b"],
    ["hawser.v1", "b"],
  ],
])("of the subprotocols %j the client offers %j", async (protocols, offered) => {
  expect(readTopicOptions({ protocols }, {}).own.protocols).toEqual(offered);
  const asked = readTopicOptions({ protocols: () => protocols }, {}).own.protocols as (dial: object) => unknown;
  expect(await asked({})).toEqual(offered);
});

test("the data type may be on the handler", () => {
  expect(readTopicOptions({}, { dataType: "blob" }).data.dataType).toBe("blob");
  expect(readTopicOptions({}, {}).data.dataType).toBe("text");
});

test("what is no position is asked for as one that cannot be", () => {
  expect(readClientSubscribe({ since: "e.1.-", last: 0 })).toEqual({ since: "e.1.-", last: undefined });
  expect(readClientSubscribe({ since: "a b" })).toEqual({ since: "?", last: undefined });
  expect(readClientSubscribe({ since: null as never, last: 7 })).toEqual({ since: undefined, last: 7 });
});
