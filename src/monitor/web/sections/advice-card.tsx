import type { ReactNode } from "react";
import { Card } from "../ui/card.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { Alerts } from "./alerts.tsx";
import { Suggestions } from "./suggestions.tsx";

/** What a person should know or do. */
export function AdviceCard(): ReactNode {
  return (
    <Card title="For you to know">
      <Tabs
        label="For you to know"
        tabs={[
          { id: "alerts", label: "Alerts", render: () => <Alerts /> },
          { id: "suggestions", label: "Suggestions", render: () => <Suggestions /> },
        ]}
      />
    </Card>
  );
}
