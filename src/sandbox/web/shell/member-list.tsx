import type { ReactNode } from "react";
import type { SeenGuild, SeenMember } from "../../live/live-frames.ts";
import { AuthorName } from "../chat/message.tsx";
import { useLive, useWorld } from "../live/live-store.ts";
import { Avatar } from "../ui/avatar.tsx";
import { nameOf } from "../ui/names.ts";

/** Who is there, by role, and below who is not. */
export function MemberList(): ReactNode {
  const world = useWorld();
  const isBotConnected = useLive((live) => live.bot.isConnected);
  const guild = world.guilds[0];
  if (!guild) return null;
  const members = guild.members.map((member) =>
    member.userId === world.botUserId
      ? { ...member, presence: isBotConnected ? ("online" as const) : ("offline" as const) }
      : member,
  );
  const byName = (a: SeenMember, b: SeenMember): number =>
    nameOf(world, a.userId).localeCompare(nameOf(world, b.userId), undefined, { numeric: true });
  const isBot = ({ userId }: SeenMember): boolean => userId === world.botUserId;
  const present = members.filter(({ presence }) => presence !== "offline").sort(byName);
  const leaders = present.filter((member) => !isBot(member) && isLeader(guild, member));
  const groups = [
    ["Running things", leaders],
    ["Online", present.filter((member) => !isBot(member) && !leaders.includes(member))],
    ["Apps", present.filter(isBot)],
    ["Offline", members.filter(({ presence }) => presence === "offline").sort(byName)],
  ] as const;
  return (
    <div className="member-list">
      {groups
        .filter(([, people]) => people.length > 0)
        .map(([title, people]) => (
          <section key={title} aria-label={title}>
            <h3>
              {title} — {people.length}
            </h3>
            <ul>
              {people.map(({ userId, presence }) => (
                <li key={userId} className={presence === "offline" ? "member is-offline" : "member"}>
                  <Avatar userId={userId} presence={presence} />
                  <AuthorName userId={userId} />
                  {guild.ownerId === userId && <span title="Server owner">👑</span>}
                  {userId === world.botUserId && <span className="app-tag">APP</span>}
                </li>
              ))}
            </ul>
          </section>
        ))}
    </div>
  );
}

function isLeader(guild: SeenGuild, { userId, roleIds }: SeenMember): boolean {
  if (guild.ownerId === userId) return true;
  return guild.roles.some(({ id, permissions }) => id !== guild.id && roleIds.includes(id) && permissions !== "0");
}
