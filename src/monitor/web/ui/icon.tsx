import type { ReactNode } from "react";

const PATHS = {
  check: <path d="M5 12.5l4.5 4.5L19 7.5" />,
  warning: <path d="M12 8v5m0 3.5v.1M12 3.5l9 16H3z" />,
  critical: <path d="M12 7v6m0 3.5v.1M12 3a9 9 0 110 18 9 9 0 010-18z" />,
  unknown: <path d="M12 7v5l3 2M12 3a9 9 0 110 18 9 9 0 010-18z" />,
  lock: <path d="M7 11V8a5 5 0 0110 0v3M5.5 11h13v9h-13z" />,
  unlock: <path d="M7 11V8a5 5 0 019.6-2M5.5 11h13v9h-13z" />,
  sun: (
    <path d="M12 8a4 4 0 110 8 4 4 0 010-8zM12 2.5v2m0 15v2M2.5 12h2m15 0h2M5.3 5.3l1.4 1.4m10.6 10.6l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4" />
  ),
  moon: <path d="M20 14.5A8.5 8.5 0 019.5 4 8.5 8.5 0 1020 14.5z" />,
  system: <path d="M3.5 5h17v11h-17zM9 20h6m-3-4v4" />,
  close: <path d="M6 6l12 12M18 6L6 18" />,
  plus: <path d="M12 5v14M5 12h14" />,
} as const;

export type IconName = keyof typeof PATHS;

/** A line drawing in the colour of the text around it; always beside words, so it is hidden from screen readers. */
export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      {PATHS[name]}
    </svg>
  );
}
