import { type DialSources, type RunningDial, dialOnce } from "./dialing.ts";
import type { AcceptedDial } from "./link.ts";
import type { ClientPlatform } from "./platform.ts";
import { shownUrl } from "./url.ts";
import type { Loss } from "./verdict.ts";

/** Who dials. */
export interface DialOwner {
  /** The server has accepted. */
  onAccepted(accepted: AcceptedDial): void;
  /** The dial failed. */
  onDialFailed(cause: unknown): void;
}

/** What a dial needs of the options. */
export interface DialerSettings {
  /** What is asked before a dial. */
  readonly sources: DialSources;
  /** The URL without user and password, before the first dial. */
  readonly shownUrl: string;
  /** Milliseconds for a dial. */
  readonly handshakeTimeout: number;
}

/** The one way to dial. What a dial brings that was given up is ignored. */
export class Dialer {
  /** The dials so far. */
  count = 0;
  readonly #platform: ClientPlatform;
  readonly #settings: DialerSettings;
  readonly #owner: DialOwner;
  #url: string;
  #dial: RunningDial | undefined;

  constructor(platform: ClientPlatform, settings: DialerSettings, owner: DialOwner) {
    this.#platform = platform;
    this.#settings = settings;
    this.#owner = owner;
    this.#url = settings.shownUrl;
  }

  /** The URL of the last dial, without user and password; "" if it is not known yet. */
  get url(): string {
    return this.#url;
  }

  /** Milliseconds since the dial that is under way has begun; undefined: there is none. */
  get age(): number | undefined {
    return this.#dial === undefined ? undefined : this.#platform.now() - this.#dial.startedAt;
  }

  /** Gives up the dial that is under way. */
  stop(): void {
    this.#dial?.controller.abort();
    this.#dial = undefined;
  }

  /** Dials anew. `lastLoss`: why. */
  start(attempt: number, lastLoss: Loss | undefined): void {
    this.stop();
    const controller = new AbortController();
    const dial: RunningDial = { startedAt: this.#platform.now(), controller };
    this.#dial = dial;
    this.count++;
    const { sources, handshakeTimeout: timeout } = this.#settings;
    const { signal } = controller;
    const url = this.#url === "" ? undefined : this.#url;
    const asked = { attempt, url, status: lastLoss?.status, error: lastLoss?.error, signal };
    const onUrl = (next: URL): void => {
      if (this.#dial === dial) this.#url = shownUrl(next);
    };
    dialOnce(sources, asked, (request) => this.#platform.dial(request), { controller, timeout, onUrl }).then(
      (accepted) => {
        if (this.#isOver(dial)) accepted.abandon();
        else this.#owner.onAccepted(accepted);
      },
      (error: unknown) => {
        if (!this.#isOver(dial)) this.#owner.onDialFailed(error);
      },
    );
  }

  /** Whether the dial was given up. If not, it is done now. */
  #isOver(dial: RunningDial): boolean {
    if (this.#dial !== dial) return true;
    this.#dial = undefined;
    return false;
  }
}
