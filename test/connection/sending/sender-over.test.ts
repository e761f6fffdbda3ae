import { expect, test } from "vitest";
import { senderOver } from "../../../src/connection/sending/sender-over.ts";
import { outgoing } from "../../support/outgoing.ts";
import { connectionSettings } from "../../support/settings.ts";
import { Wire, turns } from "../../support/wire.ts";

test.each([
  ["server", 0],
  ["client", 0x80],
] as const)("the frames of a %s have the mask bit %i", async (role, bit) => {
  const stream = new Wire();
  const liveness = { noteMessage: (): void => undefined };
  const never = (): never => expect.fail();
  const owner = { settings: connectionSettings({ role }), liveness, onError: never, onDrained: never };
  senderOver(stream, owner, undefined).send(outgoing("hello"));
  await turns();
  expect(stream.taken.subarray(0, 2)).toEqual(Buffer.from([0x81, bit + 5]));
});
