import { expect, test, vi } from "vitest";
import { presenceList, readLimit } from "../../src/server/presence.ts";

test("data are JSON between servers, and values for the application", async () => {
  const members = [
    { id: "ann", data: '{"age":7}', connections: 2 },
    { id: "bob", data: undefined, connections: 1 },
  ];
  expect(await presenceList(Promise.resolve({ total: 5, members }), () => expect.unreachable())).toEqual({
    total: 5,
    members: [
      { id: "ann", data: { age: 7 }, connections: 2 },
      { id: "bob", data: undefined, connections: 1 },
    ],
  });
});

test("a member whose data are no JSON is left out, and told", async () => {
  const members = ["{not json", "1"].map((data, i) => ({ id: String(i), data, connections: 1 }));
  const onForeign = vi.fn();
  expect(await presenceList(Promise.resolve({ total: 5, members }), onForeign)).toEqual({
    total: 4,
    members: [{ id: "1", data: 1, connections: 1 }],
  });
  expect(onForeign).toHaveBeenCalledTimes(1);
});

test("the limit is a number from 0 to 100,000", () => {
  expect([readLimit(undefined), readLimit({}), readLimit({ limit: 0 }), readLimit({ limit: 7 })]).toEqual([
    1000, 1000, 0, 7,
  ]);
  expect(() => readLimit({ limit: -1 })).toThrow("presence: limit");
  expect(() => readLimit({ limit: "7" })).toThrow("presence: limit");
  expect(() => readLimit({ limits: 7 })).toThrow('presence: there is no option "limits": did you mean limit?');
});
