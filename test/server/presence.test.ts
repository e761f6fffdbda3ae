import { expect, test } from "vitest";
import { presenceList, readLimit } from "../../src/server/presence.ts";

test("data are JSON between servers, and values for the application", async () => {
  const members = [
    { id: "ann", data: '{"age":7}', connections: 2 },
    { id: "bob", data: undefined, connections: 1 },
  ];
  expect(await presenceList(Promise.resolve({ total: 5, members }))).toEqual({
    total: 5,
    members: [
      { id: "ann", data: { age: 7 }, connections: 2 },
      { id: "bob", data: undefined, connections: 1 },
    ],
  });
});

test("the limit is a number from 0 to 100,000", () => {
  expect([readLimit(undefined), readLimit({}), readLimit({ limit: 0 }), readLimit({ limit: 7 })]).toEqual([
    1000, 1000, 0, 7,
  ]);
  expect(() => readLimit({ limit: -1 })).toThrow("presence: limit");
  expect(() => readLimit({ limit: "7" })).toThrow("presence: limit");
  expect(() => readLimit({ limits: 7 })).toThrow('presence: there is no option "limits": did you mean limit?');
});
