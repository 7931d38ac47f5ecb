import type { APIMessage } from "discord-api-types/v10";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { actAs, describeFailure, readFile } from "../api.ts";
import { CommandForm } from "../command/command-form.tsx";
import {
  listCommands,
  readTypedCommand,
  searchCommands,
  toOptionValues,
  type CommandEntry,
  type FieldValues,
} from "../command/command-model.ts";
import type { SentFile } from "../command/option-value.ts";
import { SuggestionList } from "../command/suggestion-list.tsx";
import { useListKeys } from "../command/use-list-keys.ts";
import { useLive, useWorld } from "../live/live-store.ts";
import { Icon } from "../ui/icon.tsx";
import { findChannel, nameOf, permissionsIn } from "../ui/names.ts";
import { requestCompose, useComposeRequest } from "./compose-request.ts";
import { EmojiButton } from "./emoji-picker.tsx";
import { perform } from "./perform.ts";

const SEND_MESSAGES = 1n << 11n;
const MAX_LENGTH = 2_000;
/** Discord shows somebody as typing for ten seconds. */
const TYPING_INTERVAL_MS = 8_000;

export interface ComposerProps {
  readonly channelId: string;
  readonly replyTo: APIMessage | undefined;
  readonly onReplied: () => void;
}

interface ChosenCommand {
  readonly entry: CommandEntry;
  readonly values: FieldValues;
}

/** The box at the bottom: plain messages, and with a slash the bot's commands. */
export function Composer({ channelId, replyTo, onReplied }: ComposerProps): ReactNode {
  const world = useWorld();
  const [text, setText] = useState("");
  const [command, setCommand] = useState<ChosenCommand>();
  const [files, setFiles] = useState<readonly SentFile[]>([]);
  const [fault, setFault] = useState<string>();
  const box = useRef<HTMLTextAreaElement>(null);
  const lastTypingAt = useRef(0);
  const permissions = permissionsIn(world, channelId);
  const entries = useCommands(channelId, permissions);
  const found = text.startsWith("/") && !text.includes("\n") ? searchCommands(entries, text.slice(1)) : undefined;

  useEffect(() => {
    // On a phone the keyboard would cover half of what there is to see.
    if (replyTo || !window.matchMedia("(pointer: coarse)").matches) box.current?.focus();
  }, [replyTo, command]);
  const request = useComposeRequest();
  useEffect(() => {
    if (request?.channelId !== channelId || request.userId !== world.userId || entries.length === 0) return;
    requestCompose(undefined);
    change(request.text);
  });

  const change = (typed: string): void => {
    setFault(undefined);
    const ready = readTypedCommand(entries, typed.startsWith("/") ? typed : "");
    if (ready) {
      setCommand(ready);
      return setText("");
    }
    setText(typed);
    if (typed === "" || typed.startsWith("/") || Date.now() - lastTypingAt.current < TYPING_INTERVAL_MS) return;
    lastTypingAt.current = Date.now();
    void actAs(world.userId)
      .type(channelId)
      .catch(() => undefined);
  };
  const choose = (entry: CommandEntry | undefined): void => {
    if (!entry) return;
    setCommand({ entry, values: {} });
    setText("");
  };
  const send = async (): Promise<void> => {
    if (text.trim() === "" && files.length === 0) return;
    if (text.length > MAX_LENGTH)
      return setFault(`Your message is too long: ${text.length} of ${MAX_LENGTH} characters.`);
    if (text.startsWith("/")) return setFault("There is no such command here, or you may not use it.");
    try {
      await actAs(world.userId).send(channelId, {
        content: text.trim(),
        ...(replyTo ? { replyTo: replyTo.id } : {}),
        ...(files.length > 0 ? { files } : {}),
      });
      setText("");
      setFiles([]);
      onReplied();
    } catch (error) {
      setFault(describeFailure(error));
    }
  };
  const sendCommand = (values: FieldValues): void => {
    if (!command) return;
    const { entry } = command;
    setCommand(undefined);
    void perform({ userId: world.userId, channelId, title: `/${entry.path}` }, (hands) =>
      hands.command(channelId, entry.path, toOptionValues(entry, values)),
    );
  };

  const keys = useListKeys(found?.length ?? 0, { onChoose: (index) => choose(found?.[index]) });
  const onKeyDown = (event: KeyboardEvent): void => {
    if (keys.onKey(event)) return;
    if (event.key === "Escape") {
      setText("");
      onReplied();
    }
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  };

  if ((permissions & SEND_MESSAGES) === 0n) {
    return <div className="compose is-closed">You do not have permission to send messages in this channel.</div>;
  }
  return (
    <div className="compose" data-tour="compose">
      {replyTo && !command && (
        <p className="replying">
          Replying to <b>{nameOf(world, replyTo.author.id)}</b>
          <button type="button" className="icon-button" aria-label="Do not reply" onClick={onReplied}>
            <Icon name="close" />
          </button>
        </p>
      )}
      {command ? (
        <CommandForm
          key={command.entry.path}
          channelId={channelId}
          entry={command.entry}
          initialValues={command.values}
          onSend={sendCommand}
          onCancel={() => setCommand(undefined)}
        />
      ) : (
        <>
          {found && (
            <SuggestionList
              title={found.length > 0 ? "Commands" : "No command here fits"}
              items={found.map(({ path, description }) => ({
                key: path,
                label: `/${path}`,
                value: path,
                detail: description,
              }))}
              activeIndex={keys.activeIndex}
              onChoose={({ key }) => choose(found.find(({ path }) => path === key))}
              onActivate={keys.setActiveIndex}
            />
          )}
          <div className="compose-line">
            <FileButton onChoose={(chosen) => setFiles((known) => [...known, ...chosen])} />
            <textarea
              ref={box}
              rows={Math.min(text.split("\n").length, 8)}
              aria-label="Message"
              aria-autocomplete="list"
              aria-controls={found ? "suggestions" : undefined}
              aria-activedescendant={found && found.length > 0 ? `suggestion-${keys.activeIndex}` : undefined}
              placeholder={describePlace(world, channelId)}
              value={text}
              onChange={({ target }) => change(target.value)}
              onKeyDown={onKeyDown}
            />
            <EmojiButton className="icon-button" label="Emoji" onPick={(emoji) => change(text + emoji)} />
            <button type="button" className="icon-button send" aria-label="Send" onClick={() => void send()}>
              <Icon name="send" />
            </button>
          </div>
        </>
      )}
      {files.length > 0 && !command && (
        <p className="compose-files">
          {files.map(({ filename }) => filename).join(", ")}{" "}
          <button type="button" className="as-link" onClick={() => setFiles([])}>
            Remove
          </button>
        </p>
      )}
      {fault !== undefined && (
        <p className="compose-error" role="alert">
          {fault}
        </p>
      )}
      <TypingLine channelId={channelId} />
    </div>
  );
}

function useCommands(channelId: string, permissions: bigint): CommandEntry[] {
  const world = useWorld();
  const { commands } = world;
  const own = findChannel(world, channelId)?.guild.commands;
  const isDirect = own === undefined;
  return useMemo(
    () => listCommands(commands, own ?? [], { isDirect, permissions }),
    [commands, own, isDirect, permissions],
  );
}

function describePlace(world: ReturnType<typeof useWorld>, channelId: string): string {
  const found = findChannel(world, channelId);
  const place = found ? `#${found.channel.name}` : `@${nameOf(world, world.botUserId)}`;
  return `Message ${place}, or / for commands`;
}

function FileButton({ onChoose }: { readonly onChoose: (files: readonly SentFile[]) => void }): ReactNode {
  return (
    <label className="icon-button file-button" title="Add a file">
      <Icon name="plus" />
      <input
        type="file"
        multiple
        aria-label="Add a file"
        onChange={({ target }) => {
          void Promise.all([...(target.files ?? [])].map(readFile)).then(onChoose);
          target.value = "";
        }}
      />
    </label>
  );
}

function TypingLine({ channelId }: { readonly channelId: string }): ReactNode {
  const world = useWorld();
  const typing = useLive((live) => live.typing);
  const [, redraw] = useState(0);
  const names = typing
    .filter((each) => each.channelId === channelId && each.untilMs > Date.now())
    .map(({ userId }) => nameOf(world, userId));
  useEffect(() => {
    if (names.length === 0) return undefined;
    const timer = window.setTimeout(() => redraw((count) => count + 1), 1_000);
    return () => window.clearTimeout(timer);
  });
  return (
    <p className="typing" aria-live="polite">
      {names.length > 0 && (
        <>
          <b>{names.length > 3 ? "Several people" : names.join(", ")}</b> {names.length === 1 ? "is" : "are"} typing…
        </>
      )}
    </p>
  );
}
