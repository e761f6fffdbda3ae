// The clients of the soak, in a process of their own: its parent has them connect, batch by batch.
import { answerParent } from "../child.ts";
import { inTime } from "../patience.ts";
import { addressOf } from "../ports.ts";
import { type Course, courses } from "./courses.ts";

/** Connections to make. */
export interface Batch {
  /** The server's port. */
  readonly port: number;
  /** The number of the first: it decides which courses are gone, and from which address. */
  readonly first: number;
  /** How many. */
  readonly count: number;
  /** How many of them at once. */
  readonly atOnce: number;
}

/** What came of them. */
export interface Outcome {
  /** How many went as they should, by the course's name. */
  readonly done: Readonly<Record<string, number>>;
  /** Those that did not, in words. */
  readonly failures: readonly string[];
}

/** What can be asked of this process. */
export interface SoakClients {
  /** Makes connections, and returns when all are over. */
  readonly run: (batch: Batch) => Promise<Outcome>;
}

/** Milliseconds in which a course is over, or has failed. */
const DEADLINE = 20_000;

/** A hundred courses, each as often as its share says, spread so that all kinds meet each other. */
const cycle = spread(courses.flatMap((course) => Array.from({ length: course.share }, () => course)));

async function run({ port, first, count, atOnce }: Batch): Promise<Outcome> {
  const done = Object.fromEntries(courses.map(({ name }) => [name, 0]));
  const failures: string[] = [];
  let next = first;
  const worker = async (): Promise<void> => {
    while (next < first + count) {
      const n = next++;
      const course = cycle[n % cycle.length];
      if (course === undefined) continue;
      try {
        await inTime(course.go({ port, from: addressOf(n) }, n), DEADLINE, "the course");
        done[course.name] = (done[course.name] ?? 0) + 1;
      } catch (error) {
        failures.push(`connection ${String(n)}, ${course.name}: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { done, failures };
}

/** The same list in an order that does not change: each next one is a fixed step on. */
function spread(list: readonly Course[]): Course[] {
  // Prime to a hundred.
  const step = 37;
  return list.map((course, i) => list[(i * step) % list.length] ?? course);
}

const methods: SoakClients = { run };
answerParent(methods);
