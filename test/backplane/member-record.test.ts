import { expect, test } from "vitest";
import { NO_ID } from "../../src/backplane/ids.ts";
import { memberRecord } from "../../src/backplane/member-record.ts";
import { RecordKind, decodeRecord } from "../../src/backplane/record.ts";
import { textOf } from "../support/backplane/records.ts";

test.each([
  ['{"a":[1,null]}', { a: [1, null] }],
  ["null", null],
  ['"text"', "text"],
])("a member is told as JSON, with the data %s as it is", (data, value) => {
  const record = decodeRecord(memberRecord(RecordKind.join, NO_ID, { id: 'an"n \0😀', data, connections: 1 }))!;
  expect(record).toMatchObject({ kind: RecordKind.join, isBinary: false, id: NO_ID, key: undefined, to: undefined });
  expect(JSON.parse(textOf(record.payload))).toEqual({ id: 'an"n \0😀', data: value, connections: 1 });
});

test("a member may have no data", () => {
  const record = decodeRecord(memberRecord(RecordKind.leave, NO_ID, { id: "bob", data: undefined, connections: 0 }))!;
  expect([record.kind, textOf(record.payload)]).toEqual([RecordKind.leave, '{"id":"bob","connections":0}']);
});
