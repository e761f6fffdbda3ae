import { expect, test } from "vitest";
import { readMember } from "../../src/topics/presence-member.ts";

test.each(["", "{", "null", "7", "{}", '{"id":7,"connections":1}', '{"id":"a"}'])("%j is no member", (text) => {
  expect(readMember(text)).toBeUndefined();
});

test("a member has an id, connections, and any data", () => {
  expect(readMember('{"id":"a","data":[1],"connections":2}')).toEqual({ id: "a", data: [1], connections: 2 });
});
