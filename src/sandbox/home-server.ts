import { smallServer, type SeedChannel, type ServerSeed } from "./seeds.ts";
import { createSnowflake } from "./snowflake.ts";
import type { PresenceStatus } from "./world/state.ts";

/** Behind the ids of `smallServer`, which are counted from the same day. */
const MODERATORS_CHANNEL_ID = createSnowflake(Date.UTC(2024, 0, 1) + 500);
const PRESENCES: readonly PresenceStatus[] = ["online", "online", "idle", "dnd", "online", "offline"];

/** `smallServer` as a visitor finds it: with something to read, a hidden channel, and people of whom some are there. */
export function homeServer(): ServerSeed {
  const seed = smallServer();
  const { ids } = seed;
  return {
    ...seed,
    guilds: seed.guilds.map((guild) => ({
      ...guild,
      name: "The Harbour",
      channels: listChannels(seed),
      members: [{ userId: ids.ownerId }, ...guild.members].map((member) => ({
        ...member,
        presence: presenceOf(member.userId, ids.memberIds),
      })),
    })),
  };
}

function presenceOf(userId: string, memberIds: readonly string[]): PresenceStatus {
  return PRESENCES[memberIds.indexOf(userId)] ?? "online";
}

function listChannels({ ids }: ServerSeed): SeedChannel[] {
  const { ownerId, moderatorId, memberIds, crewRoleId, moderatorsRoleId, rollCallsChannelId, generalChannelId } = ids;
  const [first = ownerId, second = ownerId, third = ownerId, fourth = ownerId] = memberIds;
  return [
    {
      id: generalChannelId,
      name: "general",
      topic: "Talk about anything",
      messages: [
        {
          authorId: ownerId,
          content:
            "# 👋 Welcome aboard\n" +
            "This is a **Discord of your own**: it runs on this computer, and nothing leaves it. The bot in here is the real one.\n\n" +
            `1. Go to <#${rollCallsChannelId}> and type \`/event create\` to ask the crew something.\n` +
            "2. Click another picture to become that person, and answer by reacting.\n" +
            "3. Open **Chaos** at the top right, and try to make the bot lose an answer.\n\n" +
            "The **Tour** leads you through it in three minutes. `/help` shows everything else.",
          reactions: { "🎉": [moderatorId, first, second], "👍": [third] },
        },
        { authorId: first, content: "Are we sailing on Friday?" },
        { authorId: second, content: "I am in, if it does not *rain*." },
        {
          authorId: moderatorId,
          content: `Let us not count heads by hand again. Somebody start a roll call, <@&${crewRoleId}>!`,
          reactions: { "💯": [first, fourth] },
        },
      ],
    },
    {
      id: rollCallsChannelId,
      name: "roll-calls",
      topic: "Who is in? Answer by reacting",
      messages: [
        {
          authorId: ownerId,
          content:
            "Roll calls go here. Type `/event create`, give it a title, and the crew answers by reacting. " +
            "Whoever does not is reminded.",
        },
      ],
    },
    {
      id: MODERATORS_CHANNEL_ID,
      name: "bridge",
      topic: "Moderators only: try /dbhealth and /stats",
      seenByRoleIds: [moderatorsRoleId],
      messages: [
        {
          authorId: moderatorId,
          content: "Only the owner and moderators see this channel. `/dbhealth` says how the bot's memory is.",
        },
      ],
    },
  ];
}
