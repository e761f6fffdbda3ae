import { describe, expect, test } from "vitest";
import { Jobs } from "../../src/compression/jobs.ts";

/** Lets all promises settle that can. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Jobs that end when the test says so. */
function rig(max: number): { jobs: Jobs; log: string[]; start: (name: string) => void; end: (name: string) => void } {
  const jobs = new Jobs(max);
  const log: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (name: string): void => {
    const job = (): Promise<void> => {
      log.push(`${name} starts`);
      return new Promise((resolve) => ends.set(name, resolve));
    };
    void jobs.run(job).then(() => log.push(`${name} ended`));
  };
  return { jobs, log, start, end: (name) => ends.get(name)?.() };
}

describe("jobs", () => {
  test("start at once up to the limit, and later in order", async () => {
    const { jobs, log, start, end } = rig(2);
    for (const name of ["a", "b", "c", "d"]) start(name);
    expect(log).toEqual(["a starts", "b starts"]);
    expect([jobs.running, jobs.waiting]).toEqual([2, 2]);
    end("b");
    await settled();
    expect(log).toEqual(["a starts", "b starts", "b ended", "c starts"].sort(byLog(log)));
    expect([jobs.running, jobs.waiting]).toEqual([2, 1]);
    for (const name of ["a", "c"]) end(name);
    await settled();
    end("d");
    await settled();
    expect(log.filter((line) => line.endsWith("starts"))).toEqual(["a starts", "b starts", "c starts", "d starts"]);
    expect([jobs.running, jobs.waiting]).toEqual([0, 0]);
  });

  test("do not overtake one that waits, in the moment when another ends", async () => {
    const { jobs, log, start, end } = rig(1);
    start("a");
    start("b");
    end("a");
    start("c");
    await settled();
    expect(log.filter((line) => line.endsWith("starts"))).toEqual(["a starts", "b starts"]);
    expect(jobs.running).toBe(1);
    end("b");
    await settled();
    end("c");
    await settled();
    expect(jobs.running).toBe(0);
  });

  test("that are not wanted any more are not started, and those after them are", async () => {
    const jobs = new Jobs(1);
    const log: string[] = [];
    const wanted = new Set(["a", "b", "c", "d"]);
    const runs = [...wanted].map((name) =>
      jobs.run(
        () => Promise.resolve(log.push(name)),
        () => wanted.has(name),
      ),
    );
    wanted.delete("b");
    wanted.delete("c");
    expect(await Promise.all(runs)).toEqual([1, undefined, undefined, 2]);
    expect(log).toEqual(["a", "d"]);
    expect([jobs.running, jobs.waiting]).toEqual([0, 0]);
  });

  test("that fail make space for others, and report their error", async () => {
    const jobs = new Jobs(1);
    const failing = jobs.run(() => Promise.reject(new Error("no memory")));
    const thrown = jobs.run((): Promise<void> => {
      throw new Error("not started");
    });
    const next = jobs.run(() => Promise.resolve("done"));
    await expect(failing).rejects.toThrow("no memory");
    await expect(thrown).rejects.toThrow("not started");
    expect(await next).toBe("done");
    expect([jobs.running, jobs.waiting]).toEqual([0, 0]);
  });
});

/** The order in which lines stand in the log. */
function byLog(log: string[]): (a: string, b: string) => number {
  return (a, b) => log.indexOf(a) - log.indexOf(b);
}
