import { expect, test } from "vitest";
import { forkMarker, lostBy } from "../../src/backplane/fork-marker.ts";
import { RecordKind, decodeRecord } from "../../src/backplane/record.ts";
import { bytesOf, message } from "../support/backplane/records.ts";

const [ID, LOST] = ["id-of-the-marker", "id-of-the-lost-1"];

test("a marker says which message was lost, and is no message", () => {
  const marker = forkMarker(ID, LOST);
  expect(decodeRecord(marker)).toMatchObject({ kind: RecordKind.gap, id: ID, isBinary: false });
  expect([lostBy(marker), lostBy(message(LOST))]).toEqual([LOST, undefined]);
});

test("what is none of ours is no marker", () => {
  expect([lostBy(bytesOf(Uint8Array.of())), lostBy(forkMarker(ID, LOST).subarray(0, 5))]).toEqual([
    undefined,
    undefined,
  ]);
});
