import { useId, type ReactNode } from "react";
import type { Resource } from "../live/use-resource.ts";

interface CardProps {
  readonly title: string;
  /** At the right of the title: buttons, choices. */
  readonly actions?: ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}

/** A section of the page with its heading. */
export function Card({ title, actions, className = "", children }: CardProps): ReactNode {
  const id = useId();
  return (
    <section className={`card ${className}`} aria-labelledby={id}>
      <header className="card-head">
        <h2 id={id}>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

interface LoadedProps<T> {
  readonly resource: Resource<T>;
  /** What failed to load, to stand behind "could not be loaded": `The backups`. */
  readonly what: string;
  readonly children: (data: T) => ReactNode;
}

/** What was loaded; a sketch of it before, and the reason with a way to try again when that failed. */
export function Loaded<T>({ resource: { data, error, isLoading, reload }, what, children }: LoadedProps<T>): ReactNode {
  return (
    <>
      {error && (
        <div className="failure" role="alert">
          <p>
            <strong>{what} could not be loaded.</strong> {error.message} {error.hint}
            {error.reference && <span className="muted"> Reference {error.reference}.</span>}
          </p>
          <button type="button" onClick={reload} disabled={isLoading}>
            {isLoading ? "Trying…" : "Try again"}
          </button>
        </div>
      )}
      {data === undefined ? !error && <Skeleton /> : children(data)}
    </>
  );
}

export function Skeleton({ lines = 4 }: { lines?: number }): ReactNode {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}

/** Where there is nothing to show, and why that is so. */
export function Empty({ title, children }: { title: string; children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <p>{title}</p>
      {children && <p className="muted">{children}</p>}
    </div>
  );
}
