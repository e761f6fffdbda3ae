import fc from "fast-check";
import { expect, test } from "vitest";
import { Random } from "../../../fuzz/engine/random.ts";
import { mutateRequest, simplerRequests } from "../../../fuzz/grammar/mutate-request.ts";
import { fieldOf, parseRequest, writeRequest } from "../../../fuzz/grammar/request.ts";
import { seed } from "../../support/fuzz.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade : websocket \r\n\r\nafter";

test("a request is read and written unchanged, with any content", () => {
  const anything = fc.array(fc.constantFrom("\r\n", "\r\n\r\n", "a", ":", " ", "\n", "\0"), { maxLength: 20 });
  fc.assert(
    fc.property(anything, (parts) => {
      const text = parts.join("");
      expect(writeRequest(parseRequest(text))).toBe(text);
    }),
    { seed, numRuns: 1000 },
  );
});

test("a request has a line, fields, and a rest", () => {
  expect(parseRequest(REQUEST)).toEqual({
    line: "GET / HTTP/1.1",
    fields: ["Host: a", "Upgrade : websocket "],
    rest: "after",
  });
  expect(parseRequest("GET /").rest).toBeUndefined();
});

test("a field has a name in lower case and a value without the white space around it", () => {
  expect(["Host: a", "X:", "no colon"].map(fieldOf)).toEqual([
    ["host", "a"],
    ["x", ""],
    ["no colon", ""],
  ]);
});

test("mutations change the line, the fields and the rest", () => {
  const random = new Random(1);
  const before = parseRequest(REQUEST);
  const mutations = Array.from({ length: 300 }, () => parseRequest(mutateRequest(REQUEST, random, REQUEST)));
  expect(mutations.some(({ line }) => line !== before.line)).toBe(true);
  expect(mutations.some(({ rest }) => rest !== before.rest)).toBe(true);
  expect(mutations.filter(({ fields }) => fields.join() !== before.fields.join()).length).toBeGreaterThan(150);
});

test("simpler requests have one field less, or no rest", () => {
  const simpler = [...simplerRequests(REQUEST)].map(parseRequest);
  expect(simpler.map(({ fields, rest }) => [fields.length, rest])).toEqual([
    [2, ""],
    [1, "after"],
    [1, "after"],
  ]);
});
