import { useEffect, type ReactNode } from "react";
import { useWorld } from "../live/live-store.ts";
import { goTo } from "../route.ts";
import { Avatar } from "../ui/avatar.tsx";
import { nameOf } from "../ui/names.ts";

const SHOWN = 40;

/** Whom the visitor may be, one click each; Alt with a digit does the same. */
export function PeopleStrip(): ReactNode {
  const world = useWorld();
  const people = world.people.slice(0, SHOWN);
  return (
    <div className="people" role="group" aria-label="Who you are" data-tour="people">
      {people.map(({ id, role }, index) => {
        const name = nameOf(world, id);
        const isMe = id === world.userId;
        const shortcut = index < 9 ? ` (Alt+${index + 1})` : "";
        return (
          <button
            key={id}
            type="button"
            className={isMe ? "person is-me" : "person"}
            aria-pressed={isMe}
            aria-label={`Be ${name}`}
            title={`${name}, ${role}${shortcut}`}
            onClick={() => goTo({ userId: id })}
          >
            <Avatar userId={id} />
          </button>
        );
      })}
    </div>
  );
}

/** Alt+1 … Alt+9 for the first nine people. */
export function usePeopleKeys(): void {
  const { people } = useWorld();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
      if (!event.altKey || event.ctrlKey || event.metaKey || digit === undefined) return;
      const person = people[Number(digit) - 1];
      if (!person) return;
      event.preventDefault();
      goTo({ userId: person.id });
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [people]);
}

/** Who the visitor is now, with the ways to be somebody else. */
export function WhoAmI(): ReactNode {
  const world = useWorld();
  const role = world.people.find(({ id }) => id === world.userId)?.role ?? "member";
  return (
    <section className="who" aria-label="You">
      <div className="who-now">
        <Avatar userId={world.userId} presence="online" />
        <p>
          <b>{nameOf(world, world.userId)}</b>
          <small>You act as this {role}</small>
        </p>
      </div>
      <PeopleStrip />
    </section>
  );
}
