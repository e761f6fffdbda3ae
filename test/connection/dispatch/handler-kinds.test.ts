import { expect, test } from "vitest";
import { HandlerKinds } from "../../../src/connection/dispatch/handler-kinds.ts";

const nothing = (): void => undefined;

test("a plain object is new if none had its names", () => {
  const kinds = new HandlerKinds();
  const isNew = (handler: object): boolean => kinds.isNew(handler);
  expect(
    [{ onOpen: nothing }, { onOpen: nothing }, { onClose: nothing }, { onOpen: 1, onClose: 2 }].map(isNew),
  ).toEqual([true, false, true, true]);
});

test("an object of a class is new once", () => {
  class Member {
    onMessage(): void {}
  }
  class Guest extends Member {}
  const kinds = new HandlerKinds();
  expect([new Member(), new Guest(), new Member(), new Guest()].map((one) => kinds.isNew(one))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("what cannot be read is not new", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(new HandlerKinds().isNew(proxy)).toBe(false);
});
