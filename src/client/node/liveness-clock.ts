import { BusyCallbacks } from "../../connection/dispatch/busy-callbacks.ts";
import { LivenessTimer } from "../../connection/keepalive/liveness-timer.ts";
import { inNoContext } from "../../connection/transport/no-context.ts";

/** What a clock checks. */
export interface CheckedLink {
  /** Whether the server is still there. */
  check(): void;
  /** The machine has slept: looks at once. */
  probe(): void;
}

/** What the warning of a callback that does not settle says. */
const BUSY_ADVICE = "A callback must not wait for a message, which comes only after it";

/** Milliseconds between two looks at the time. */
const LOOK_EVERY = 1_000;

/** A look that comes later than this, or a jump of the wall clock, means that the machine has slept. */
const SLEPT = 5_000;

/** The clock of all clients of the process whose times have the same tick: none of them has a timer of its own. */
export class LivenessClock {
  /** Warns of callbacks of these clients that do not settle. */
  readonly busyCallbacks: BusyCallbacks;
  readonly #links = new Set<CheckedLink>();
  readonly #timer: LivenessTimer<CheckedLink>;
  #look: NodeJS.Timeout | undefined;
  #wallTime = 0;
  #steadyTime = 0;

  /** @param tickMs milliseconds of a tick */
  constructor(tickMs: number) {
    this.busyCallbacks = new BusyCallbacks(tickMs, BUSY_ADVICE);
    this.#timer = new LivenessTimer(tickMs, this.#links, (link) => link.check());
  }

  /** The current tick. */
  get currentTick(): number {
    return this.#timer.currentTick;
  }

  /** A connection is open. */
  add(link: CheckedLink): void {
    this.#links.add(link);
    this.#timer.start();
    if (this.#look !== undefined) return;
    this.#noteTime();
    this.#look = inNoContext(() => setInterval(this.#lookAtTime, LOOK_EVERY)).unref();
  }

  /** It is closed. */
  remove(link: CheckedLink): void {
    this.#links.delete(link);
    if (this.#links.size > 0) return;
    this.#timer.stop();
    clearInterval(this.#look);
    this.#look = undefined;
  }

  readonly #lookAtTime = (): void => {
    const passed = Math.max(Date.now() - this.#wallTime, performance.now() - this.#steadyTime);
    this.#noteTime();
    if (passed > LOOK_EVERY + SLEPT) for (const link of this.#links) link.probe();
  };

  #noteTime(): void {
    this.#wallTime = Date.now();
    this.#steadyTime = performance.now();
  }
}

const clocks = new Map<number, LivenessClock>();

/** The clock for a tick of `tickMs` milliseconds. */
export function clockOf(tickMs: number): LivenessClock {
  let clock = clocks.get(tickMs);
  if (clock === undefined) clocks.set(tickMs, (clock = new LivenessClock(tickMs)));
  return clock;
}
