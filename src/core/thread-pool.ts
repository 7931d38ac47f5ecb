/**
 * Files and the names of hosts share one pool of threads, of which Node has four: with four calls held by a disk that
 * hangs, no name is resolved any more, and so nothing is connected to Discord. Each part of the program that uses files
 * waits for its last call before the next (about a dozen hold a thread at most), so this many are not used up.
 */
const THREAD_COUNT = 32;

/** Takes effect only before the pool is used, and for the processes that this one starts. A value that is set is kept. */
export function widenThreadPool(): void {
  process.env.UV_THREADPOOL_SIZE ??= String(THREAD_COUNT);
}
