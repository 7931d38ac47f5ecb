import type { APIMessage } from "discord-api-types/v10";
import type { LiveFrame } from "../../live/live-frames.ts";
import { getRoute, subscribeToRoute } from "../route.ts";
import { applyDispatch } from "./apply-dispatch.ts";
import type { ChaosReport } from "./chaos-report.ts";
import { getState, setState } from "./live-store.ts";

/** Keeps a WebSocket to the sandbox for whoever the visitor is: opens another one for another person, and after a loss. */

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 5_000;
const TYPING_MS = 9_000;

let socket: WebSocket | undefined;
let connectedUserId: string | undefined;
let attempt = 0;
let timer: number | undefined;

export function startLiveConnection(): void {
  connect();
  subscribeToRoute(() => {
    const { userId } = getRoute();
    if (userId !== undefined && userId !== connectedUserId) connect();
  });
  window.addEventListener("online", connect);
}

function connect(): void {
  window.clearTimeout(timer);
  const { userId } = getRoute();
  connectedUserId = userId;
  const previous = socket;
  const address = new URL("sandbox/live", window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.hash = "";
  address.searchParams.set("user", userId ?? "");
  const opened = new WebSocket(address);
  socket = opened;
  opened.addEventListener("open", () => (attempt = 0));
  opened.addEventListener("message", ({ data }) => {
    if (socket === opened) receive(JSON.parse(data as string) as LiveFrame);
  });
  opened.addEventListener("close", () => {
    if (socket === opened) reconnectLater();
  });
  previous?.close();
}

function reconnectLater(): void {
  setState({ connection: "lost" });
  attempt++;
  timer = window.setTimeout(connect, Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS));
}

function receive(frame: LiveFrame): void {
  switch (frame.op) {
    case "hello": {
      const { op: _op, bot, clock, ...world } = frame;
      connectedUserId = world.userId;
      const isSamePerson = getState().world?.userId === world.userId;
      setState({
        connection: "open",
        world: { ...world, bot, clock },
        bot,
        clock: { ...clock, toldAtMs: performance.now() },
        typing: [],
        ...(isSamePerson ? {} : { unreadIds: new Set<string>() }),
      });
      void loadChaos();
      return;
    }
    case "dispatch":
      return receiveDispatch(frame.t, frame.d);
    case "bot":
      return setState({ bot: frame.bot });
    case "clock":
      return setState({ clock: { ...frame.clock, toldAtMs: performance.now() } });
    case "chaos":
      return setState({ chaos: frame as unknown as ChaosReport });
    default:
      frame satisfies never;
  }
}

function receiveDispatch(type: string, data: object): void {
  const { world, typing, unreadIds } = getState();
  if (!world) return;
  if (type === "TYPING_START") {
    const { channel_id: channelId, user_id: userId } = data as { channel_id: string; user_id: string };
    if (userId === world.userId) return;
    const others = typing.filter((each) => each.userId !== userId || each.channelId !== channelId);
    return setState({ typing: [...others, { channelId, userId, untilMs: Date.now() + TYPING_MS }] });
  }
  if (type !== "MESSAGE_CREATE") return setState({ world: applyDispatch(world, type, data) });
  const { channel_id: channelId, author } = data as APIMessage;
  const isElsewhere = getRoute().channelId !== channelId && author.id !== world.userId;
  setState({
    world: applyDispatch(world, type, data),
    typing: typing.filter((each) => each.userId !== author.id || each.channelId !== channelId),
    ...(isElsewhere ? { unreadIds: new Set([...unreadIds, channelId]) } : {}),
  });
}

/** Also after the sandbox was started again. Without chaos in this sandbox the panel says so. */
export async function loadChaos(): Promise<void> {
  try {
    const response = await fetch("sandbox/chaos");
    if (response.ok) setState({ chaos: (await response.json()) as ChaosReport });
  } catch {
    // The connection is lost, which is shown, and this is asked again with the next one.
  }
}
