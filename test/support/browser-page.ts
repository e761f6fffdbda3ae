import { onTestFinished, vi } from "vitest";
import type { PageEventListener, PlatformClose, PlatformSocket } from "../../src/client/browser/platform-types.ts";

/** A page's target of events. `emit` calls the listeners. */
export class FakeTarget {
  readonly #listeners = new Map<string, Set<PageEventListener>>();
  visibilityState = "visible";

  addEventListener(type: string, listener: PageEventListener): void {
    this.#listeners.set(type, (this.#listeners.get(type) ?? new Set()).add(listener));
  }

  removeEventListener(type: string, listener: PageEventListener): void {
    this.#listeners.get(type)?.delete(listener);
  }

  /** How many listen, to whatever. */
  get listenerCount(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  emit(type: string, event: Parameters<PageEventListener>[0] = {}): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}

/** A platform's socket. The test is the network and the server. */
export class FakeSocket implements PlatformSocket {
  /** All that were made since the page was made. */
  static readonly made: FakeSocket[] = [];
  readonly url: string;
  readonly protocols: readonly string[];
  binaryType = "blob";
  bufferedAmount = 0;
  protocol = "";
  extensions = "";
  /** What was sent; nothing leaves until `flush`, if `isSlow`. */
  readonly sent: (string | Uint8Array | Blob)[] = [];
  isSlow = false;
  /** The arguments of each `close`. */
  readonly closes: (readonly [code?: number, reason?: string])[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: PlatformClose) => void) | null = null;

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
    FakeSocket.made.push(this);
  }

  /** The newest. */
  static get last(): FakeSocket {
    const last = FakeSocket.made.at(-1);
    if (last === undefined) throw new Error("no socket was made");
    return last;
  }

  send(data: string | Uint8Array | Blob): void {
    this.sent.push(data);
    if (this.isSlow)
      this.bufferedAmount +=
        typeof data === "string" ? Buffer.byteLength(data) : "size" in data ? data.size : data.length;
  }

  close(...args: [code?: number, reason?: string]): void {
    this.closes.push(args);
  }

  /** The server accepts. */
  open(): void {
    this.onopen?.();
  }

  /** The server sends a message: a text, or bytes. */
  receive(data: unknown): void {
    this.onmessage?.({
      data: data instanceof Uint8Array ? data.buffer.slice(data.byteOffset, data.byteOffset + data.length) : data,
    });
  }

  /** The connection ends: with a close frame, or with code 1006. */
  end(code: number, reason = ""): void {
    this.onclose?.({ code, reason, wasClean: code !== 1006 });
  }
}

/** The globals of a fake page. */
export interface FakePage {
  readonly window: FakeTarget;
  readonly document: FakeTarget;
  readonly navigator: { onLine: boolean };
  /** What `reportError` was called with. */
  readonly reported: unknown[];
}

/** Gives the test the globals of a page at `http://host/page`, and fake timers. */
export function usePage(): FakePage {
  const [window, document, navigator, reported] = [
    new FakeTarget(),
    new FakeTarget(),
    { onLine: true },
    [] as unknown[],
  ];
  const globals = {
    WebSocket: FakeSocket,
    document,
    navigator,
    location: { href: "http://host/page" },
    reportError: (error: unknown) => void reported.push(error),
    addEventListener: window.addEventListener.bind(window),
    removeEventListener: window.removeEventListener.bind(window),
  };
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  FakeSocket.made.length = 0;
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
  return { window, document, navigator, reported };
}

/** Lets promises settle. */
export async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}
