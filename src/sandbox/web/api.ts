import type { APIApplicationCommandOptionChoice, APIMessage } from "discord-api-types/v10";
import type { OptionValue, SentFile } from "./command/option-value.ts";
import type { ChaosReport } from "./live/chaos-report.ts";

/** What a person does, over the sandbox's control API. Everything throws an `ApiFailure` with words for people. */
export class ApiFailure extends Error {}

export interface OutcomeReport {
  readonly interactionId: string;
  readonly status: "pending" | "replied" | "deferred" | "updated" | "modal" | "autocompleted" | "failed";
  readonly message: APIMessage | null;
  readonly modal: { readonly title: string; readonly custom_id: string; readonly components: unknown[] } | null;
}

async function request<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  let response: Response;
  try {
    response = await fetch(`sandbox/${path}`, { method, ...sent });
  } catch {
    throw new ApiFailure("The sandbox does not answer. Is it running?");
  }
  if (response.status === 204) return undefined as Answer;
  const answer = (await response.json()) as Answer & { readonly error?: { readonly message: string } };
  if (!response.ok) throw new ApiFailure(answer.error?.message ?? `The sandbox answered ${response.status}.`);
  return answer;
}

function post<Answer = unknown>(path: string, body: object = {}): Promise<Answer> {
  return request<Answer>("POST", path, body);
}

/** One person's hands. */
export const actAs = (userId: string) => ({
  command: (channelId: string, name: string, options: Readonly<Record<string, OptionValue>>) =>
    post<OutcomeReport>(`users/${userId}/command`, { channelId, name, options }),
  autocomplete: (
    channelId: string,
    name: string,
    typed: { readonly options: Readonly<Record<string, OptionValue>>; readonly focused: string },
  ) =>
    post<{ choices: APIApplicationCommandOptionChoice[] }>(`users/${userId}/autocomplete`, {
      channelId,
      name,
      ...typed,
    }).then(({ choices }) => choices),
  click: (messageId: string, customId: string) => post<OutcomeReport>(`users/${userId}/click`, { messageId, customId }),
  select: (messageId: string, customId: string, values: readonly string[]) =>
    post<OutcomeReport>(`users/${userId}/select`, { messageId, customId, values }),
  submitModal: (interactionId: string, values: Readonly<Record<string, string | readonly string[]>>) =>
    post<OutcomeReport>(`users/${userId}/modal`, { interactionId, values }),
  react: (message: APIMessage, emoji: string) =>
    post(`users/${userId}/react`, { channelId: message.channel_id, messageId: message.id, emoji }),
  unreact: (message: APIMessage, emoji: string) =>
    post(`users/${userId}/unreact`, { channelId: message.channel_id, messageId: message.id, emoji }),
  send: (channelId: string, message: { content: string; replyTo?: string; files?: readonly SentFile[] }) =>
    post<APIMessage>(`users/${userId}/send`, { channelId, ...message }),
  edit: (messageId: string, content: string) => post(`users/${userId}/edit`, { messageId, content }),
  delete: (messageId: string) => post(`users/${userId}/delete`, { messageId }),
  type: (channelId: string) => post(`users/${userId}/typing`, { channelId }),
});

export const sandboxApi = {
  beginChaos: (id: string, parameters: Readonly<Record<string, number>>) =>
    post<ChaosReport>(`chaos/${id}`, { parameters }),
  endChaos: (id: string) => request<ChaosReport>("DELETE", `chaos/${id}`),
  setRate: (rate: number) => post("clock", { rate }),
  skip: (skipMs: number) => post("clock", { skipMs }),
};

export function describeFailure(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A chosen file, as the control API takes it. */
export async function readFile(file: File): Promise<SentFile> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return {
    filename: file.name,
    contentType: file.type === "" ? "application/octet-stream" : file.type,
    dataBase64: window.btoa(text),
  };
}
