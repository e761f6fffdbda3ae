import { expect, test } from "vitest";
import { MAX_TICKS, PendingCalls } from "../../src/redis/pending-calls.ts";

const never = (): Promise<unknown> => new Promise(() => undefined);
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

test("a call has the answer, or the error, of the client", async () => {
  const calls = new PendingCalls();
  expect(await calls.run("HWS_BACKPLANE_AWAY", () => Promise.resolve(7))).toBe(7);
  const no = new Error("no");
  await expect(calls.run("HWS_BACKPLANE_AWAY", () => Promise.reject(no))).rejects.toBe(no);
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a client may do so
  await expect(calls.run("HWS_BACKPLANE_AWAY", () => Promise.reject("text"))).rejects.toThrow("text");
  const throws = (): never => {
    throw no;
  };
  await expect(calls.run("HWS_BACKPLANE_AWAY", throws)).rejects.toBe(no);
  expect(calls.size).toBe(0);
});

test("a call without a promise ends once, with an answer or an error", async () => {
  const calls = new PendingCalls();
  const ends: unknown[] = [];
  const outcome = {
    onAnswer: (answer: unknown) => ends.push(answer),
    onError: (error: Error) => ends.push(codeOf(error)),
  };
  let answer: (value: string) => void = () => undefined;
  calls.start("HWS_BACKPLANE_AWAY", () => Promise.resolve("a"), outcome);
  await Promise.resolve();
  calls.start("HWS_PUBLISH_UNCERTAIN", () => new Promise((resolve) => (answer = resolve)), outcome);
  calls.end();
  answer("too late");
  await Promise.resolve();
  calls.start("HWS_PUBLISH_UNCERTAIN", () => Promise.resolve("c"), outcome);
  expect(ends).toEqual(["a", "HWS_PUBLISH_UNCERTAIN", "HWS_BACKPLANE_AWAY"]);
});

test("a call that has waited too long is seen, and an answer ends the wait", async () => {
  const calls = new PendingCalls();
  const late = calls.run("HWS_BACKPLANE_AWAY", never).catch(codeOf);
  for (let i = 1; i < MAX_TICKS; i++) expect(calls.tick()).toBe(false);
  expect(calls.tick()).toBe(true);
  calls.end();
  expect(await late).toBe("HWS_BACKPLANE_AWAY");
  expect(calls.tick()).toBe(false);
});

test("when it ends, all calls reject with what they were given, and later ones are not begun", async () => {
  const calls = new PendingCalls();
  const both = [calls.run("HWS_PUBLISH_UNCERTAIN", never), calls.run("HWS_BACKPLANE_AWAY", never)].map((call) =>
    call.catch(codeOf),
  );
  calls.end();
  expect(await Promise.all(both)).toEqual(["HWS_PUBLISH_UNCERTAIN", "HWS_BACKPLANE_AWAY"]);
  let isBegun = false;
  const later = calls.run("HWS_PUBLISH_UNCERTAIN", async () => (isBegun = true));
  expect([await later.catch(codeOf), isBegun]).toEqual(["HWS_BACKPLANE_AWAY", false]);
});

test("it is idle when there is no call", async () => {
  const calls = new PendingCalls();
  await calls.idle();
  let answer: (value: unknown) => void = () => undefined;
  const call = calls.run("HWS_BACKPLANE_AWAY", () => new Promise((resolve) => (answer = resolve)));
  let isIdle = false;
  const idle = calls.idle().then(() => (isIdle = true));
  await Promise.resolve();
  expect(isIdle).toBe(false);
  answer(1);
  await Promise.all([call, idle]);
  void calls.run("HWS_BACKPLANE_AWAY", never).catch(() => undefined);
  const ended = calls.idle();
  calls.end();
  await ended;
});
