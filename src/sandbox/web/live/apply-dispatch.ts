import type { APIMessage, APIReaction } from "discord-api-types/v10";
import type { Snapshot } from "../../live/live-frames.ts";

interface ReactionData {
  readonly user_id: string;
  readonly channel_id: string;
  readonly message_id: string;
  readonly emoji: APIReaction["emoji"];
  readonly burst?: boolean;
}

interface MessageReference {
  readonly id: string;
  readonly ids?: readonly string[];
  readonly message_id: string;
  readonly channel_id: string;
}

/** The world after an event of the gateway. Events that change nothing to be seen give back the same world. */
export function applyDispatch(world: Snapshot, type: string, data: object): Snapshot {
  switch (type) {
    case "MESSAGE_CREATE":
      return putMessage(world, data as APIMessage);
    case "MESSAGE_UPDATE":
      return putMessage(world, data as APIMessage);
    case "MESSAGE_DELETE":
      return removeMessages(world, data as MessageReference, [(data as MessageReference).id]);
    case "MESSAGE_DELETE_BULK":
      return removeMessages(world, data as MessageReference, (data as MessageReference).ids ?? []);
    case "MESSAGE_REACTION_ADD":
      return changeReaction(world, data as ReactionData, 1);
    case "MESSAGE_REACTION_REMOVE":
      return changeReaction(world, data as ReactionData, -1);
    case "MESSAGE_REACTION_REMOVE_ALL":
      return changeMessage(world, data as ReactionData, (message) => ({ ...message, reactions: [] }));
    case "MESSAGE_REACTION_REMOVE_EMOJI":
      return changeMessage(world, data as ReactionData, (message) => ({
        ...message,
        reactions: message.reactions?.filter(({ emoji }) => !isSame(emoji, (data as ReactionData).emoji)) ?? [],
      }));
    default:
      return world;
  }
}

function isSame(a: APIReaction["emoji"], b: APIReaction["emoji"]): boolean {
  return a.id === null ? b.id === null && a.name === b.name : a.id === b.id;
}

function setMessages(world: Snapshot, channelId: string, messages: readonly APIMessage[]): Snapshot {
  return { ...world, messages: { ...world.messages, [channelId]: messages } };
}

/** An update may be the first that is heard of a message: then it takes its place by its id. */
function putMessage(world: Snapshot, message: APIMessage): Snapshot {
  const known = world.messages[message.channel_id] ?? [];
  if (known.some(({ id }) => id === message.id)) {
    return setMessages(
      world,
      message.channel_id,
      known.map((each) => (each.id === message.id ? message : each)),
    );
  }
  const place = known.findLastIndex(({ id }) => BigInt(id) < BigInt(message.id)) + 1;
  return setMessages(world, message.channel_id, known.toSpliced(place, 0, message));
}

function removeMessages(world: Snapshot, { channel_id }: MessageReference, ids: readonly string[]): Snapshot {
  const known = world.messages[channel_id] ?? [];
  return setMessages(
    world,
    channel_id,
    known.filter(({ id }) => !ids.includes(id)),
  );
}

function changeMessage(
  world: Snapshot,
  { channel_id, message_id }: ReactionData,
  change: (message: APIMessage) => APIMessage,
): Snapshot {
  const known = world.messages[channel_id] ?? [];
  if (!known.some(({ id }) => id === message_id)) return world;
  return setMessages(
    world,
    channel_id,
    known.map((message) => (message.id === message_id ? change(message) : message)),
  );
}

function changeReaction(world: Snapshot, data: ReactionData, step: 1 | -1): Snapshot {
  const isMine = data.user_id === world.userId;
  return changeMessage(world, data, (message) => {
    const reactions = message.reactions ?? [];
    const known = reactions.find(({ emoji }) => isSame(emoji, data.emoji));
    if (!known) return step === 1 ? { ...message, reactions: [...reactions, createReaction(data, isMine)] } : message;
    const count = known.count + step;
    const changed = { ...known, count, me: isMine ? step === 1 : known.me };
    return {
      ...message,
      reactions: reactions.flatMap((each) => (each !== known ? [each] : count > 0 ? [changed] : [])),
    };
  });
}

function createReaction({ emoji, burst = false }: ReactionData, isMine: boolean): APIReaction {
  return {
    emoji,
    count: 1,
    count_details: { normal: burst ? 0 : 1, burst: burst ? 1 : 0 },
    me: isMine && !burst,
    me_burst: isMine && burst,
    burst_colors: [],
  };
}
