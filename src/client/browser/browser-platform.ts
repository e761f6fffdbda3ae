import type { SendOptions } from "../../connection/sending/message-options.ts";
import { ConnectError } from "../connect-error.ts";
import type { AcceptedDial, DialRequest } from "../link.ts";
import type { ClientPlatform, WaitingPayload, WakeListener } from "../platform.ts";
import { shownUrl } from "../url.ts";
import { BrowserLink, type BrowserSettings } from "./browser-link.ts";
import { browserErrorEvent } from "./error-event.ts";
import { watchPage } from "./page-events.ts";
import { payloadOf } from "./payload.ts";
import { type PlatformSocket, page, reportUnheard } from "./platform-types.ts";

/** What a client needs of a browser. */
export class BrowserPlatform implements ClientPlatform {
  readonly errorEvent = browserErrorEvent;
  readonly #settings: BrowserSettings;
  readonly #received = { bytes: 0 };
  #link: BrowserLink | undefined;

  constructor(settings: BrowserSettings) {
    this.#settings = settings;
  }

  get baseUrl(): string | undefined {
    return page.location?.href;
  }

  dial({ url, protocols, dial: { signal } }: DialRequest): Promise<AcceptedDial> {
    return new Promise((resolve, reject) => {
      const socket = newSocket(url, protocols);
      const fail = (): void => {
        socket.onopen = socket.onclose = null;
        reject(new ConnectError("HWS_CONNECT_FAILED", shownUrl(url), { stage: "tcp" }));
      };
      socket.onclose = fail;
      socket.onopen = () => {
        signal.removeEventListener("abort", abandon);
        socket.onopen = socket.onclose = null;
        resolve(this.#accepted(socket));
      };
      const abandon = (): void => {
        fail();
        socket.close();
      };
      signal.addEventListener("abort", abandon);
    });
  }

  #accepted(socket: PlatformSocket): AcceptedDial {
    return {
      protocol: socket.protocol === "" ? undefined : socket.protocol,
      extensions: socket.extensions,
      httpVersion: undefined,
      open: (listener) => (this.#link = new BrowserLink(socket, this.#settings, listener, this.#received)),
      abandon: () => socket.close(),
    };
  }

  prepare(message: unknown, options: SendOptions | undefined): WaitingPayload {
    const payload = payloadOf(message, options);
    return payload.message instanceof Uint8Array ? { ...payload, message: payload.message.slice() } : payload;
  }

  warn(error: unknown): void {
    reportUnheard(error);
  }

  isHidden(): boolean {
    return page.document?.visibilityState === "hidden";
  }

  watch(listener: WakeListener): () => void {
    return watchPage(page, { onWake: () => listener.onWake(), onOffline: () => this.#link?.onOffline() });
  }

  now(): number {
    return performance.now();
  }
}

/** The platform throws e.g. for `ws:` in a page of `https:`: it will not be otherwise the next time. */
function newSocket(url: URL, protocols: readonly string[]): PlatformSocket {
  try {
    const socket = new page.WebSocket(url.href, [...protocols]);
    socket.binaryType = "arraybuffer";
    return socket;
  } catch (cause) {
    throw new ConnectError("HWS_CONNECT_FAILED", (cause as Error).message, { stage: "http", cause });
  }
}
