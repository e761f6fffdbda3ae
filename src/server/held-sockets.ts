import type { Duplex } from "node:stream";

import { clientOf } from "../handshake/forwarded-address.ts";
import { markOurs } from "./claimed-socket.ts";
import { type Addressed, FairQueue } from "./fair-queue.ts";
import type { LimitCounters } from "./limit-counters.ts";

/** Milliseconds that a client has to read its last answer before its socket is destroyed. */
const LINGER = 1000;

/** When all places are taken, an address may keep one part in this many of them. Others have a right to the rest. */
const SHARES = 8;

/** The oldest requests that are asked, when a place is needed, whether another listener has taken them. */
const MAX_ASKED = 32;

/** The limits on sockets that are held before they are WebSockets. */
export interface HeldSocketLimits {
  /** The places: for handshakes that wait for `onConnection`, and for the sockets that are held. */
  readonly maxHandshakes: number;
  /** Counts the sockets that lost their place. */
  readonly limitCounters: Pick<LimitCounters, "maxHandshakes" | "handshakeTimeout">;
}

/** A request that another listener may still answer. */
export interface Undecided {
  /** Whether a WebSocket server has its path: then others have only a moment. */
  readonly isForUs: boolean;
  /** Whether another listener has taken the socket. */
  isTaken(): boolean;
  /** Whether anybody has added a listener to the socket: it may be about to answer. */
  isWanted(): boolean;
  /**
   * Passes the request on, because this server ends: to another server of ours, which waits too; if there is none, to the
   * other listeners. Returns false when nobody is left.
   */
  passOn(): boolean;
  /** Another listener has taken the socket: nothing of ours stays on it. */
  leave(): void;
  /** Answers the request, or refuses it. A refused socket then lingers. */
  answer(): void;
}

/** The same, with the time that others have. */
export interface UndecidedRequest extends Undecided {
  /** Milliseconds to wait for the other listeners if none of them has added a listener to the socket. */
  readonly shortTimeout: number;
  /** Milliseconds to wait for the others if one of them has. A proxy connects to another server first. */
  readonly timeout: number;
}

/** A socket that is held, and why. */
interface HeldSocket extends Addressed {
  readonly socket: Duplex;
  /** Undefined: the socket has its last answer, or waits for answers of the application. */
  readonly request: UndecidedRequest | undefined;
  timer: NodeJS.Timeout;
  readonly onClose: () => void;
}

/**
 * The sockets that a server holds and that are no clients: those with their last answer, which the client may still read,
 * those that get it after answers of the application, and those with a request that nobody has answered yet. They and the
 * handshakes that wait for `onConnection` have `maxHandshakes` places together. When all are taken, the sockets that another
 * listener has taken are released, then the oldest refused socket is destroyed.
 */
export class HeldSockets {
  readonly #limits: HeldSocketLimits;
  /** The handshakes that wait for `onConnection`. */
  readonly #handshakes: { readonly size: number };
  readonly #lingering = new FairQueue<HeldSocket>();
  readonly #undecided = new FairQueue<HeldSocket>();

  constructor(limits: HeldSocketLimits, handshakes: { readonly size: number }) {
    this.#limits = limits;
    this.#handshakes = handshakes;
  }

  /** The number of sockets that are held. */
  get size(): number {
    return this.#lingering.size + this.#undecided.size;
  }

  /** Places that an address may keep when all are taken. */
  get share(): number {
    return Math.max(1, Math.floor(this.#limits.maxHandshakes / SHARES));
  }

  /** Whether there is a place, or one that `makePlace` can free. */
  canMakePlace(): boolean {
    return this.#handshakes.size < this.#limits.maxHandshakes;
  }

  /** Frees a place if all are taken. Returns false when handshakes have all of them. */
  makePlace(): boolean {
    while (this.#handshakes.size + this.size >= this.#limits.maxHandshakes)
      if (!this.#leaveTaken() && !this.#cutOldest()) return false;
    return true;
  }

  /** Holds a socket that has its last answer, until the client closes it or had the time to read. Without a place it is destroyed. */
  linger(socket: Duplex, address: string): void {
    if (socket.destroyed) return;
    if (this.makePlace()) this.#hold(socket, address, undefined);
    else socket.destroy();
  }

  /**
   * Holds a refused socket until earlier requests on it have the application's answers: its refusal follows them. It is destroyed
   * after `timeout` milliseconds, or when there is no place.
   *
   * @returns a function that ends this
   */
  awaitAnswers(socket: Duplex, address: string, timeout: number): () => void {
    if (this.makePlace()) {
      const one = this.#hold(socket, address, undefined, timeout);
      return () => {
        this.#release(one);
      };
    }
    this.#limits.limitCounters.maxHandshakes++;
    socket.destroy();
    return nothing;
  }

  /** Holds a socket until another listener takes its request. We answer it after the timeout, or when there is no place. */
  wait(socket: Duplex, address: string, request: UndecidedRequest): void {
    if (socket.destroyed) return;
    if (this.makePlace()) this.#hold(socket, address, request);
    else answerOrLeave(request);
  }

  /**
   * Waits for other listeners no more: their requests are passed on to whoever is left, and answered when nobody is. Sockets
   * with an answer keep their time to read it.
   */
  passOnAll(): void {
    for (const one of this.#undecided) {
      this.#release(one);
      if (one.request?.isTaken() === true || one.request?.passOn() === false) answerOrLeave(one.request);
    }
  }

  /** Destroys the sockets that have their last answer. */
  cutAll(): void {
    for (const one of this.#lingering) this.#cut(one);
  }

  /**
   * Gives a socket a place and a time.
   *
   * @param answersTimeout milliseconds that the application has for its answers, if the socket waits for them
   */
  #hold(socket: Duplex, address: string, request: UndecidedRequest | undefined, answersTimeout?: number): HeldSocket {
    const queue = request === undefined ? this.#lingering : this.#undecided;
    const timer = setTimeout(
      () => {
        if (answersTimeout !== undefined) this.#limits.limitCounters.handshakeTimeout++;
        if (request === undefined) this.#cut(one);
        else if (request.shortTimeout < request.timeout && request.isWanted()) this.#waitLonger(one, request);
        else this.#decide(one);
      },
      answersTimeout ?? request?.shortTimeout ?? LINGER,
    ).unref();
    const onClose = markOurs((): void => {
      this.#release(one);
    });
    const one: HeldSocket = { socket, address: clientOf(address) ?? "", request, timer, onClose };
    queue.add(one);
    socket.once("close", onClose);
    return one;
  }

  #waitLonger(one: HeldSocket, { shortTimeout, timeout }: UndecidedRequest): void {
    one.timer = setTimeout(() => {
      this.#decide(one);
    }, timeout - shortTimeout).unref();
  }

  /** Releases the sockets that another listener has taken, among the oldest. Returns false when there is none. */
  #leaveTaken(): boolean {
    let asked = 0;
    const before = this.size;
    for (const one of this.#undecided) {
      if (asked++ === MAX_ASKED) break;
      if (one.request?.isTaken() === true) this.#decide(one);
    }
    return this.size < before;
  }

  #cutOldest(): boolean {
    const answered = this.#lingering.oldest(this.share);
    const undecided = answered === undefined ? this.#undecided.oldest(this.share) : undefined;
    if (answered !== undefined) {
      this.#limits.limitCounters.maxHandshakes++;
      this.#cut(answered);
    } else if (undecided !== undefined) this.#decide(undecided);
    return answered !== undefined || undecided !== undefined;
  }

  #cut(one: HeldSocket): void {
    this.#release(one);
    one.socket.destroy();
  }

  /** Answers a request, unless another listener has taken it. */
  #decide(one: HeldSocket): void {
    this.#release(one);
    if (one.request !== undefined) answerOrLeave(one.request);
  }

  #release(one: HeldSocket): void {
    clearTimeout(one.timer);
    // The socket may be another listener's by now, and live long: it must not keep the request.
    one.socket.off("close", one.onClose);
    this.#lingering.remove(one);
    this.#undecided.remove(one);
  }
}

function nothing(): void {
  // The socket is not held.
}

function answerOrLeave(request: UndecidedRequest): void {
  if (request.isTaken()) request.leave();
  else request.answer();
}
