import { describe, expect, test } from "vitest";
import { readSubprotocols } from "../../../src/handshake/rules/subprotocol.ts";

describe("the subprotocols that a client offers", () => {
  test("without the header there are none", () => {
    expect(readSubprotocols(undefined)).toEqual([]);
  });

  test("they keep the client's order", () => {
    expect(readSubprotocols("b, a ,,c")).toEqual(["b", "a", "c"]);
  });

  test.each(["", " ", " , "])("%j counts as absent", (header) => {
    expect(readSubprotocols(header)).toEqual([]);
  });

  test.each(["a b", "a, b, a", "a/b"])("%j fails the handshake", (header) => {
    expect(readSubprotocols(header)).toBeUndefined();
  });
});
