import { useState, type ReactNode } from "react";

export interface Column<Row> {
  readonly key: string;
  readonly label: string;
  readonly render: (row: Row) => ReactNode;
  /** Figures stand at the right. */
  readonly isFigure?: boolean;
  /** By what to sort; without it the column cannot be sorted by. */
  readonly sortBy?: (row: Row) => number | string;
}

interface DataTableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Of the column that it is sorted by at first; the greatest come first. */
  readonly sortedBy?: string;
}

interface Order {
  readonly key: string;
  readonly isDescending: boolean;
}

/** A table that scrolls inside its card. Its headings sort it, where a column can be sorted by. */
export function DataTable<Row>({ caption, columns, rows, keyOf, sortedBy }: DataTableProps<Row>): ReactNode {
  const [order, setOrder] = useState<Order | undefined>(sortedBy ? { key: sortedBy, isDescending: true } : undefined);
  const sorted = sortRows(rows, columns, order);
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeadCell key={column.key} column={column} order={order} onOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.key} className={column.isFigure ? "figure" : undefined}>
                  {column.render(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface HeadCellProps<Row> {
  readonly column: Column<Row>;
  readonly order: Order | undefined;
  readonly onOrder: (order: Order) => void;
}

function HeadCell<Row>({ column, order, onOrder }: HeadCellProps<Row>): ReactNode {
  const { key, label, isFigure, sortBy } = column;
  const className = isFigure ? "figure" : undefined;
  if (!sortBy)
    return (
      <th scope="col" className={className}>
        {label}
      </th>
    );
  const isChosen = order?.key === key;
  const isDescending = isChosen ? order.isDescending : false;
  return (
    <th
      scope="col"
      className={className}
      aria-sort={isChosen ? (isDescending ? "descending" : "ascending") : undefined}
    >
      <button type="button" className="sort" onClick={() => onOrder({ key, isDescending: !isDescending })}>
        {label}
        <span aria-hidden="true" className="sort-mark">
          {isChosen ? (isDescending ? "↓" : "↑") : "↕"}
        </span>
      </button>
    </th>
  );
}

function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  order: Order | undefined,
): readonly Row[] {
  const sortBy = columns.find(({ key }) => key === order?.key)?.sortBy;
  if (!sortBy || !order) return rows;
  const direction = order.isDescending ? -1 : 1;
  return [...rows].sort((left, right) => {
    const [a, b] = [sortBy(left), sortBy(right)];
    return direction * (a < b ? -1 : a > b ? 1 : 0);
  });
}
