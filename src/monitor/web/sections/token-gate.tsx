import { createContext, use, useCallback, useRef, useState, type FormEvent, type ReactNode } from "react";
import { MonitorError } from "../../client/monitor-error.ts";
import { tryToken } from "../api/api.ts";
import { setToken } from "../api/session-token.ts";
import { Dialog } from "../ui/dialog.tsx";

/** Thrown when a person closed the dialog instead of giving the token. */
export class NotAuthorized extends Error {}

type Authorize = <T>(action: () => Promise<T>) => Promise<T>;

const AuthorizeContext = createContext<Authorize>((action) => action());

/** Runs what needs the token: asks for it when there is none, and again when it was wrong. Throws NotAuthorized. */
export function useAuthorize(): Authorize {
  return use(AuthorizeContext);
}

type Ask = (isWrong: boolean) => Promise<string | undefined>;

/** A wrong token is told from a right one before the rest of the page uses it. */
async function askUntilRight(ask: Ask, isWrongAlready: boolean): Promise<string> {
  let isWrong = isWrongAlready;
  for (;;) {
    const token = await ask(isWrong);
    if (token === undefined) throw new NotAuthorized();
    try {
      await tryToken(token);
      return token;
    } catch (error) {
      if (!isRefused(error)) throw error;
      isWrong = true;
    }
  }
}

function isRefused(error: unknown): error is MonitorError {
  return error instanceof MonitorError && error.status === 401;
}

interface Question {
  readonly isWrong: boolean;
  readonly answer: (token: string | undefined) => void;
}

/** Asks for the monitor's token once for all that is inside. */
export function TokenGate({ children }: { children: ReactNode }): ReactNode {
  const [question, setQuestion] = useState<Question>();

  const ask = useCallback<Ask>(
    (isWrong) =>
      new Promise((resolve) => {
        const answer = (token: string | undefined): void => {
          setQuestion(undefined);
          resolve(token);
        };
        setQuestion({ isWrong, answer });
      }),
    [],
  );

  const authorize = useCallback<Authorize>(
    async (action) => {
      for (;;) {
        try {
          return await action();
        } catch (error) {
          if (!isRefused(error)) throw error;
          setToken(undefined);
          setToken(await askUntilRight(ask, error.code === "TOKEN_WRONG"));
        }
      }
    },
    [ask],
  );

  return (
    <AuthorizeContext value={authorize}>
      {children}
      {question && <TokenDialog isWrong={question.isWrong} onAnswer={question.answer} />}
    </AuthorizeContext>
  );
}

function TokenDialog({ isWrong, onAnswer }: { isWrong: boolean; onAnswer: Question["answer"] }): ReactNode {
  const input = useRef<HTMLInputElement>(null);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const token = input.current?.value.trim();
    if (token) onAnswer(token);
  };
  return (
    <Dialog title="The monitor's token" onClose={() => onAnswer(undefined)}>
      <form onSubmit={submit} className="dialog-body">
        <p className="muted">
          What changes something needs the token from the bot's settings, <code>MONITOR_TOKEN</code>. It is kept until
          you close this tab.
        </p>
        {isWrong && (
          <p className="form-error" role="alert">
            That token was not accepted. Check it and try again.
          </p>
        )}
        <label className="field">
          <span>Token</span>
          <input ref={input} type="password" autoComplete="off" required spellCheck={false} />
        </label>
        <footer className="dialog-foot">
          <button type="button" onClick={() => onAnswer(undefined)}>
            Cancel
          </button>
          <button type="submit" className="primary">
            Continue
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
