import type { MemberEvent } from "../../../store/member-data.ts";
import type { Store } from "../../../store/store.ts";

/** Events looked through in one read: with a hundred reminders each, some tens of milliseconds of a reader's time. */
const EVENTS_PER_READ = 50;

/** The events of a server that have to do with a member, newest first. */
export async function* readMemberEvents(
  store: Store,
  member: { readonly guildId: string; readonly userId: string },
): AsyncGenerator<MemberEvent> {
  let cursor: Parameters<Store["memberData"]["listEvents"]>[0]["cursor"];
  for (;;) {
    const { events, next } = await store.memberData.listEvents({ ...member, cursor, limit: EVENTS_PER_READ });
    yield* events;
    if (!next) return;
    cursor = next;
  }
}
