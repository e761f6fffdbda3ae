import { describe, expect, test } from "vitest";
import { findWords } from "../../scripts/find-words.ts";

describe("the list of words", () => {
  test("finds nothing in a plain text", () => {
    expect(findWords("The frame comes after the handshake.\nAn RFC says: going away.")).toEqual([]);
  });

  test("tells the line, the word and what to say instead", () => {
    expect(findWords("One line.\nBehind it.")).toEqual([{ line: 2, word: "Behind", instead: "after" }]);
  });

  test("finds each word of a line", () => {
    expect(findWords("Whom it sends so many goodbyes").map((found) => found.word)).toEqual([
      "Whom",
      "so many",
      "goodbye",
    ]);
  });

  test("finds a metaphor inside a name", () => {
    expect(findWords("const lastFarewell = 1;").map((found) => found.word)).toEqual(["Farewell"]);
  });

  test("finds no part of another word", () => {
    expect(findWords("Chrome, impulse, headroom, amended, hearsay").map((found) => found.word)).toEqual([]);
  });

  test("leaves a word alone in the phrases where it is right", () => {
    expect(findWords("A server behind a proxy; a server Behind a proxy")).toEqual([]);
  });

  test("finds the word beside such a phrase", () => {
    expect(findWords("behind a proxy, and behind the frame").map((found) => found.word)).toEqual(["behind"]);
  });
});
