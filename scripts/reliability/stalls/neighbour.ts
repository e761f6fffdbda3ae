// A normal client in a process of its own. It sends a message each millisecond and measures when its answer comes.
import { WebSocket } from "ws";
import { once } from "node:events";
import { answerParent } from "../child.ts";

/** Milliseconds between two messages. The client does not wait for the answer, so that no delay is missed. */
const INTERVAL = 1;

let client: WebSocket | undefined;
let due: number[] = [];
let times: number[] = [];
let timer: NodeJS.Timeout | undefined;

/** The methods of the process. */
export const neighbour = {
  /** Connects. */
  async open(port: number): Promise<void> {
    client = new WebSocket(`ws://127.0.0.1:${String(port)}/echo`);
    client.on("message", () => times.push(performance.now() - (due[times.length] ?? 0)));
    await once(client, "open");
  },

  /** Begins to measure. */
  begin(): void {
    due = [];
    times = [];
    const start = performance.now();
    timer = setInterval(() => {
      for (const now = performance.now(); start + due.length * INTERVAL <= now;) {
        due.push(start + due.length * INTERVAL);
        client?.send("message of a neighbour");
      }
    }, INTERVAL);
  },

  /** Waits for the answers that are due. Returns all round-trip times in milliseconds. */
  async end(): Promise<number[]> {
    clearInterval(timer);
    while (times.length < due.length) await new Promise((resolve) => setTimeout(resolve, 1));
    return times;
  },
};

answerParent(neighbour);
