import { describe, expect, test, vi } from "vitest";
import { Tasks, begin } from "../../../src/connection/dispatch/tasks.ts";
import { deferred } from "../../support/session.ts";
import { turns } from "../../support/wire.ts";

/** A connection, and the failures of its tasks. */
function rig(): { owner: object; failures: unknown[]; readonly add: (task: PromiseLike<unknown>) => void } {
  const owner = {};
  const failures: unknown[] = [];
  return { owner, failures, add: (task) => Tasks.add(owner, task, (error) => failures.push(error)) };
}

describe("the tasks of a connection", () => {
  test("are counted until they settle, and then forgotten", async () => {
    const { owner, failures, add } = rig();
    expect(Tasks.unfinishedOf(owner)).toBeUndefined();
    const [one, other] = [deferred(), deferred()];
    add(one.promise);
    add(other.promise);
    expect(Tasks.unfinishedOf(owner)?.unfinished).toBe(2);
    one.resolve();
    await turns();
    expect(Tasks.unfinishedOf(owner)?.unfinished).toBe(1);
    other.reject("no");
    await turns();
    expect([Tasks.unfinishedOf(owner), failures]).toEqual([undefined, ["no"]]);
  });

  test("are waited for until the last has settled, also one that came meanwhile", async () => {
    const { owner, add } = rig();
    const [one, other] = [deferred(), deferred()];
    add(one.promise);
    const over = vi.fn();
    Tasks.unfinishedOf(owner)!.wait(60_000, over);
    add(other.promise);
    one.resolve();
    await turns();
    expect(over).not.toHaveBeenCalled();
    other.resolve();
    await turns();
    expect(over).toHaveBeenCalledOnce();
  });

  test("are waited for no longer than the time, or than until stopWaiting", async () => {
    const { owner, add } = rig();
    add(new Promise(() => undefined));
    const tasks = Tasks.unfinishedOf(owner)!;
    const over = vi.fn();
    tasks.wait(5, over);
    await vi.waitFor(() => expect(over).toHaveBeenCalledOnce());
    expect(tasks.unfinished).toBe(1);
    tasks.wait(60_000, over);
    tasks.stopWaiting();
    tasks.stopWaiting();
    expect(over).toHaveBeenCalledTimes(2);
  });

  test("may be any thenable: one that settles twice, or whose then throws, also of a native promise", async () => {
    const { owner, failures, add } = rig();
    add({
      then(resolve: (value: unknown) => void) {
        resolve(1);
        resolve(2);
        throw new Error("unheard");
      },
    } as PromiseLike<unknown>);
    const broken = Object.assign(Promise.resolve(), {
      then: () => {
        throw new Error("mine");
      },
    });
    add(broken);
    await turns();
    expect(Tasks.unfinishedOf(owner)).toBeUndefined();
    expect(failures).toMatchObject([{ message: "mine" }]);
  });
});

describe("the function of a task", () => {
  test("gets the signal, and its promise is the task", async () => {
    const { signal } = new AbortController();
    expect(await begin(async (given) => given, signal)).toBe(signal);
  });

  test("fails by its exception, or when it returns no promise", async () => {
    const { signal } = new AbortController();
    const error = new Error("mine");
    const thrower = (): never => {
      throw error;
    };
    await expect(begin(thrower, signal)).rejects.toBe(error);
    const forgotten = begin((() => undefined) as never, signal);
    await expect(forgotten).rejects.toThrow(
      "waitUntil: task: expected the function to return a promise, got undefined",
    );
  });
});
