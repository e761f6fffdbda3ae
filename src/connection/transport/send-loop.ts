/**
 * A loop that sends one message to many connections. A connection may fail in the middle of it. If the application's code ran then,
 * it could send: some connections would get its message before that of the loop, and others after it. So that code runs after the loop.
 */

/** What runs after the loop. */
interface Task {
  /** The connection, or the stream, to which it belongs. */
  readonly owner: object;
  readonly run: () => void;
}

/** How many loops run, each within the one before. */
let depth = 0;
let isRunning = false;
/** What waits, the oldest first. */
const tasks: Task[] = [];

/** Whether a loop runs. */
export function isInSendLoop(): boolean {
  return depth > 0;
}

/** Runs a loop that sends one message to many connections. After the outermost loop, what waits runs. */
export function inSendLoop<Result>(loop: () => Result): Result {
  depth++;
  try {
    return loop();
  } finally {
    depth--;
    if (depth === 0) runWaiting();
  }
}

function runWaiting(): void {
  if (isRunning || tasks.length === 0) return;
  isRunning = true;
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) runAlone(task);
  isRunning = false;
}

/** Runs `run`, which calls the application's code: at once, or after the loop, and after what waits for the same owner. */
export function afterSendLoop(owner: object, run: () => void): void {
  if (depth === 0 && !tasks.some((task) => task.owner === owner)) run();
  else tasks.push({ owner, run });
}

/** What throws must not keep the others from running. It is reported as if it had been thrown alone. */
function runAlone({ run }: Task): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
