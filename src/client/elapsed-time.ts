/**
 * A clock that also counts the time in which the machine sleeps, as far as the clock on the wall tells it. If that is set back, it goes on.
 *
 * @param now milliseconds, which never go back; many platforms stop them while the machine sleeps
 * @returns the milliseconds since this call
 */
export function elapsedTime(now: () => number): () => number {
  let [last, lastOnWall, elapsed] = [now(), Date.now(), 0];
  return () => {
    const [at, onWall] = [now(), Date.now()];
    elapsed += Math.max(at - last, onWall - lastOnWall);
    [last, lastOnWall] = [at, onWall];
    return elapsed;
  };
}
