import { statSync } from "node:fs";

/**
 * Whoever runs a verb as root goes on as the user whose files these are: what root makes or rewrites, the bot cannot
 * read. `paths`: the first of them that exists says who that is.
 */
export function actAsOwner(paths: readonly string[]): void {
  if (process.getuid?.() !== 0) return;
  for (const path of paths) {
    const facts = statSync(path, { throwIfNoEntry: false });
    if (!facts) continue;
    if (facts.uid === 0) return;
    // The user last: without root's rights the groups could not be changed any more.
    process.setgroups!([facts.gid]);
    process.setgid!(facts.gid);
    process.setuid!(facts.uid);
    return;
  }
}
