import { useEffect, type ReactNode } from "react";
import { sandboxApi } from "../api.ts";
import { requestCompose } from "../chat/compose-request.ts";
import { useLive, useWorld } from "../live/live-store.ts";
import { goTo } from "../route.ts";
import { Icon } from "../ui/icon.tsx";
import { findChannel, nameOf } from "../ui/names.ts";
import { findRollCall, TOUR_STEPS } from "./tour-steps.ts";
import type { Tour } from "./use-tour.ts";

const DAY_MS = 24 * 3_600_000;
const ROLL_CALL = "/event create title:Friday raid every:24h reactions:✅ ❌ description:We meet at the harbour";

export interface TourCardProps {
  readonly tour: Tour;
  readonly onChaos: () => void;
}

/** The small card that says what to do next, and rings what to do it with. */
export function TourCard({ tour, onChaos }: TourCardProps): ReactNode {
  const step = tour.state && TOUR_STEPS[tour.state.step];
  const target = step?.target;
  useEffect(() => {
    if (target === undefined) delete document.body.dataset["tourTarget"];
    else document.body.dataset["tourTarget"] = target;
    return () => {
      delete document.body.dataset["tourTarget"];
    };
  }, [target]);
  return (
    <section className="tour-card" aria-label="Tour" aria-live="polite">
      <header>
        <Icon name="compass" />
        <h3>
          {step ? `${tour.state.step + 1}. ${step.title}` : tour.isFinished ? "That was it" : "Three-minute tour"}
        </h3>
        <button type="button" className="icon-button" aria-label="Put the tour away" onClick={tour.close}>
          <Icon name="close" />
        </button>
      </header>
      {step ? (
        <>
          <p>{step.text}</p>
          <StepActions step={tour.state.step} onChaos={onChaos} />
        </>
      ) : (
        <Ends tour={tour} />
      )}
      <Progress step={tour.state?.step ?? 0} />
    </section>
  );
}

function Ends({ tour }: { readonly tour: Tour }): ReactNode {
  return (
    <>
      <p>
        {tour.isFinished
          ? "Every answer is there, also the one given while the database was gone. Now break something else: Chaos has more."
          : "From the first roll call to pulling the plug. You do it, the page watches; nothing leaves this computer."}
      </p>
      <div className="tour-actions">
        <button type="button" className="primary" onClick={tour.begin}>
          {tour.isFinished ? "Once more" : "Start the tour"}
        </button>
        {!tour.isFinished && (
          <button type="button" onClick={tour.close}>
            Skip it
          </button>
        )}
      </div>
    </>
  );
}

function Progress({ step }: { readonly step: number }): ReactNode {
  return (
    <ol
      className="tour-progress"
      aria-label={`${Math.min(step, TOUR_STEPS.length)} of ${TOUR_STEPS.length} steps done`}
    >
      {TOUR_STEPS.map(({ title }, index) => (
        <li key={title} className={index < step ? "is-done" : index === step ? "is-now" : undefined} />
      ))}
    </ol>
  );
}

/** What can be done with a click instead of by hand. */
function StepActions({ step, onChaos }: { readonly step: number; readonly onChaos: () => void }): ReactNode {
  const world = useWorld();
  const chaos = useLive((live) => live.chaos);
  const rollCall = findRollCall({ world, chaos });
  const owner = world.people.find(({ role }) => role === "owner") ?? world.people[0];
  const members = world.people.filter(({ role }) => role === "member");
  const place = rollCall?.channel_id ?? world.guilds[0]?.channels.find(({ name }) => name.includes("roll"))?.id ?? "";

  const compose = (userId: string, text: string): void => {
    goTo({ userId, channelId: place });
    requestCompose({ userId, channelId: place, text });
  };
  const become = (person: { id: string } | undefined): ReactNode =>
    person && (
      <button type="button" onClick={() => goTo({ userId: person.id, channelId: place })}>
        Become {nameOf(world, person.id)}
      </button>
    );
  const someoneElse = members.find(({ id }) => id !== world.userId);
  switch (step) {
    case 0:
      return (
        <div className="tour-actions">
          <button type="button" className="primary" onClick={() => compose(owner?.id ?? world.userId, ROLL_CALL)}>
            Fill it in for me
          </button>
        </div>
      );
    case 1:
      return <div className="tour-actions">{become(members[0])}</div>;
    case 2:
      return (
        <div className="tour-actions" data-tour="time">
          <button type="button" className="primary" onClick={() => void sandboxApi.skip(DAY_MS)}>
            Skip 24 hours
          </button>
          {findChannel(world, place) && (
            <button type="button" onClick={() => goTo({ channelId: place })}>
              Show the roll call
            </button>
          )}
        </div>
      );
    case 3:
      return (
        <div className="tour-actions">
          <button type="button" className="primary" onClick={onChaos}>
            Open Chaos
          </button>
          {become(members[1]?.id === world.userId ? someoneElse : members[1])}
        </div>
      );
    default:
      return (
        <div className="tour-actions">
          <button type="button" className="primary" onClick={() => compose(world.userId, "/event show ")}>
            /event show
          </button>
          <button type="button" onClick={() => compose(owner?.id ?? world.userId, "/dbhealth ")}>
            /dbhealth
          </button>
        </div>
      );
  }
}
