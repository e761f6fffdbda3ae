import { expect, test } from "vitest";
import type { SharedMessage } from "../../src/connection/sending/shared-message.ts";
import { asBytes } from "../../src/protocol/bytes.ts";
import type { HistoryPayload } from "../../src/topics/receiver-calls.ts";
import { StoredMessage } from "../../src/topics/stored-message.ts";
import { EPOCH, entry, idOf, mark } from "../support/fake-driver.ts";

const STREAM = { topic: "the topic", epoch: EPOCH };

test("those who get it at the same time share it, with and without a header line", () => {
  const made: HistoryPayload[] = [];
  const share = (message: HistoryPayload): SharedMessage => {
    made.push(message);
    return message as unknown as SharedMessage;
  };
  const message = new StoredMessage(entry(7), STREAM);
  const [plain, framed] = [message.shared(false, share), message.shared(true, share)];
  expect([message.shared(false, share), message.shared(true, share)]).toEqual([plain, framed]);
  expect(made.map(({ header, payload }) => [header, String(payload)])).toEqual([
    [undefined, "7"],
    [`\x1em ${EPOCH}.7.${idOf(7)} - the topic\n`, "7"],
  ]);
});

test("its mark is the place after it", () => {
  expect(new StoredMessage(entry(7), STREAM).mark).toEqual(mark(7));
});

test("a record that is none of ours is no message", () => {
  const record = asBytes(Buffer.from("garbage"));
  const message = new StoredMessage({ ...entry(7), record }, STREAM);
  expect(message.shared(false, () => expect.unreachable())).toBeUndefined();
});
