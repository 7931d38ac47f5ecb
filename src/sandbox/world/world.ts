import { GatewayDispatchEvents, type APIMessage } from "discord-api-types/v10";
import { GuildChanges } from "./guild-changes.ts";
import { MessageChanges } from "./message-changes.ts";
import { ReactionChanges } from "./reaction-changes.ts";
import { renderMessage } from "./render.ts";
import type { WorldState } from "./state.ts";
import { WorldContext } from "./world-context.ts";

/** The sandbox's Discord. Every change goes through it and comes out as an event; looking something up changes nothing. */
export class World extends WorldContext {
  readonly #guilds = new GuildChanges(this);
  readonly #messages = new MessageChanges(this);
  readonly #reactions = new ReactionChanges(this);

  /** Oldest first, as `viewerId` sees them (default: the bot). Ephemeral messages show only to their person. */
  messages(channelId: string, viewerId: string = this.botUserId): APIMessage[] {
    const shown = this.requireChannel(channelId).messageIds.map((id) => this.requireMessage(id));
    for (const message of this.state.messages.values()) {
      if (message.channelId === channelId && message.ephemeralFor === viewerId) shown.push(message);
    }
    shown.sort((a, b) => a.timestampMs - b.timestampMs || Number(BigInt(a.id) - BigInt(b.id)));
    return shown.map((message) => renderMessage(this, message, viewerId));
  }

  setPrivilegedIntents(intents: Partial<WorldState["application"]["privilegedIntents"]>): void {
    Object.assign(this.state.application.privilegedIntents, intents);
  }

  blockDirectMessages(userId: string, isBlocked = true): void {
    if (isBlocked) this.state.dmBlockers.add(userId);
    else this.state.dmBlockers.delete(userId);
  }

  startTyping(channelId: string, userId: string): void {
    const { guildId } = this.requireChannel(channelId);
    this.events.emit(
      GatewayDispatchEvents.TypingStart,
      {
        channel_id: channelId,
        user_id: userId,
        timestamp: Math.floor(this.clock.now() / 1_000),
        ...(guildId === undefined ? {} : { guild_id: guildId }),
      },
      { guildId, channelId, userId },
    );
  }

  addUser: GuildChanges["addUser"] = (...args) => this.#guilds.addUser(...args);
  addBot: GuildChanges["addBot"] = (...args) => this.#guilds.addBot(...args);
  addGuild: GuildChanges["addGuild"] = (...args) => this.#guilds.addGuild(...args);
  removeGuild: GuildChanges["removeGuild"] = (...args) => this.#guilds.removeGuild(...args);
  setGuildOutage: GuildChanges["setGuildOutage"] = (...args) => this.#guilds.setGuildOutage(...args);
  addMember: GuildChanges["addMember"] = (...args) => this.#guilds.addMember(...args);
  removeMember: GuildChanges["removeMember"] = (...args) => this.#guilds.removeMember(...args);
  updateMember: GuildChanges["updateMember"] = (...args) => this.#guilds.updateMember(...args);
  addRole: GuildChanges["addRole"] = (...args) => this.#guilds.addRole(...args);
  updateRole: GuildChanges["updateRole"] = (...args) => this.#guilds.updateRole(...args);
  deleteRole: GuildChanges["deleteRole"] = (...args) => this.#guilds.deleteRole(...args);
  giveRole: GuildChanges["giveRole"] = (...args) => this.#guilds.giveRole(...args);
  takeRole: GuildChanges["takeRole"] = (...args) => this.#guilds.takeRole(...args);
  createChannel: GuildChanges["createChannel"] = (...args) => this.#guilds.createChannel(...args);
  deleteChannel: GuildChanges["deleteChannel"] = (...args) => this.#guilds.deleteChannel(...args);
  setOverwrite: GuildChanges["setOverwrite"] = (...args) => this.#guilds.setOverwrite(...args);
  addEmoji: GuildChanges["addEmoji"] = (...args) => this.#guilds.addEmoji(...args);
  openDirectChannel: GuildChanges["openDirectChannel"] = (...args) => this.#guilds.openDirectChannel(...args);

  createMessage: MessageChanges["createMessage"] = (...args) => this.#messages.createMessage(...args);
  editMessage: MessageChanges["editMessage"] = (...args) => this.#messages.editMessage(...args);
  deleteMessage: MessageChanges["deleteMessage"] = (...args) => this.#messages.deleteMessage(...args);
  deleteMessages: MessageChanges["deleteMessages"] = (...args) => this.#messages.deleteMessages(...args);
  storeAttachment: MessageChanges["storeAttachment"] = (...args) => this.#messages.storeAttachment(...args);

  addReaction: ReactionChanges["addReaction"] = (...args) => this.#reactions.addReaction(...args);
  removeReaction: ReactionChanges["removeReaction"] = (...args) => this.#reactions.removeReaction(...args);
  removeAllReactions: ReactionChanges["removeAllReactions"] = (...args) => this.#reactions.removeAllReactions(...args);
  removeReactionsOfEmoji: ReactionChanges["removeReactionsOfEmoji"] = (...args) =>
    this.#reactions.removeReactionsOfEmoji(...args);
}
