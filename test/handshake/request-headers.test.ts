import { expect, test } from "vitest";
import { readRequestHeaders } from "../../src/handshake/request-headers.ts";

test("of a header of which HTTP allows one, the first counts; cookies are joined; others are lists", () => {
  const headers = readRequestHeaders([
    "Authorization",
    "one",
    "AUTHORIZATION",
    "two",
    "Cookie",
    "a=1",
    "cookie",
    "b=2",
    "X",
    "1",
    "x",
    "2",
    "x",
    "3",
  ]);
  expect({ ...headers }).toEqual({ authorization: "one", cookie: "a=1; b=2", x: ["1", "2", "3"] });
});

test("the types say which headers are one string", () => {
  const headers = readRequestHeaders(["authorization", "one"]);
  const authorization: string | undefined = headers.authorization;
  // @ts-expect-error -- this one may have come several times
  const forwarded: string | undefined = headers["x-forwarded-for"];
  expect([authorization, forwarded]).toEqual(["one", undefined]);
});
