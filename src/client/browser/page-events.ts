import type { Page, PageEventListener, PageEventTarget } from "./platform-types.ts";

/** Milliseconds after "offline" in which the network may come back. The page's word alone is not true often enough. */
const OFFLINE_FOR = 5_000;

/** What the page's events tell. */
export interface PageListener {
  /** The page is shown again, or the network is back. */
  onWake(): void;
  /** The network has been away for a while. */
  onOffline(): void;
}

/**
 * Watches whether the page wakes up: it is shown again, is restored from the back/forward cache, or its network is back.
 *
 * @returns stops watching
 */
export function watchPage(page: Page, listener: PageListener): () => void {
  const { document } = page;
  let offline: ReturnType<typeof setTimeout> | undefined;
  const onWake = (): void => listener.onWake();
  const events: Parameters<typeof listen>[] = [
    [page, "online", onWake],
    [
      page,
      "offline",
      () => {
        clearTimeout(offline);
        offline = setTimeout(() => {
          if (page.navigator?.onLine === false) listener.onOffline();
        }, OFFLINE_FOR);
      },
    ],
  ];
  if (document !== undefined) {
    events.push(
      [page, "pageshow", ({ persisted }) => (persisted === true ? onWake() : undefined)],
      [document, "visibilitychange", () => (document.visibilityState === "visible" ? onWake() : undefined)],
      // Chrome does not always send "visibilitychange" to a page that was frozen.
      [document, "resume", onWake],
    );
  }
  const stops = events.map((one) => listen(...one));
  return () => {
    clearTimeout(offline);
    for (const stop of stops) stop();
  };
}

function listen(target: PageEventTarget, type: string, listener: PageEventListener): () => void {
  target.addEventListener(type, listener);
  return () => target.removeEventListener(type, listener);
}
