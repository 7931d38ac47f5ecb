import { join } from "node:path";
import Database from "better-sqlite3";
import { isMusterError } from "../../../src/core/errors.ts";
import { openWriterConnection, type SqliteConnection } from "../../../src/database/sqlite/connection.ts";
import { TransactionManager } from "../../../src/database/sqlite/transaction-manager.ts";
import { until, withFolder } from "../../helpers/database.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";

async function withConnection(
  body: (connection: SqliteConnection, transactions: TransactionManager, clock: ManualClock) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const options = { synchronous: "full", isForeignKeysEnabled: true, cacheSizeBytes: 1024 ** 2 } as const;
    const connection = openWriterConnection({ path: join(folder, "a.db"), ...options });
    connection.database.exec("CREATE TABLE t (a INTEGER PRIMARY KEY)");
    const clock = new ManualClock();
    try {
      await body(connection, new TransactionManager(connection, clock, () => 1), clock);
    } finally {
      connection.database.close();
    }
  });
}

const rowsOf = ({ database }: SqliteConnection): unknown[] => database.prepare("SELECT a FROM t").pluck().all();

describe("TransactionManager", () => {
  it("commits what succeeds and undoes what throws, whatever it throws", async () => {
    await withConnection(async (connection, transactions) => {
      const result = await transactions.executeTransaction(async (transaction) => {
        await transaction.run("INSERT INTO t VALUES (1)");
        return (await transaction.get<{ a: number }>("SELECT a FROM t"))!.a;
      });
      expect(result).toBe(1);
      const failing = transactions.executeTransaction(async (transaction) => {
        await transaction.run("INSERT INTO t VALUES (2)");
        await transaction.run("INSERT INTO t VALUES (1)");
      });
      await expect(failing).rejects.toMatchObject({ code: "CONSTRAINT_VIOLATED" });
      await expect(
        transactions.executeTransaction(async () => {
          throw new RangeError("no");
        }),
      ).rejects.toMatchObject({ code: "INTERNAL" });
      expect(rowsOf(connection)).toEqual([1]);
      expect(transactions.isOpen).toBe(false);
      expect(() => transactions.rollback()).not.toThrow();
    });
  });

  it("keeps what was done before and after a savepoint that fails", async () => {
    await withConnection(async (connection, transactions) => {
      await transactions.executeTransaction(async (transaction) => {
        await transaction.run("INSERT INTO t VALUES (1)");
        const failing = transactions.executeSavepoint(async (inner) => {
          await inner.run("INSERT INTO t VALUES (2)");
          throw new Error("no");
        });
        await expect(failing).rejects.toThrow("no");
        await transactions.executeSavepoint((inner) => inner.run("INSERT INTO t VALUES (3)"));
      });
      expect(rowsOf(connection)).toEqual([1, 3]);
    });
  });

  it("waits for the lock with pauses of 5, 10, 20 … ms, and no longer than to the deadline", async () => {
    await withConnection(async (connection, transactions, clock) => {
      const other = new Database(connection.database.name);
      other.exec("BEGIN IMMEDIATE");
      const pauses: number[] = [];
      const deadlineAt = clock.now() + 50;
      const waiting = transactions.executeWithRetry(
        (transaction) => transaction.run("INSERT INTO t VALUES (1)"),
        () => deadlineAt,
      );
      let outcome: unknown;
      waiting.catch((error: unknown) => (outcome = error));
      while (clock.now() < deadlineAt) {
        await until(() => clock.delaysMs.length === 1);
        pauses.push(clock.delaysMs[0]!);
        clock.advance(clock.delaysMs[0]!);
      }
      await until(() => outcome !== undefined);
      expect(pauses).toEqual([5, 10, 20, 15]);
      expect(isMusterError(outcome, "DATABASE_BUSY")).toBe(true);
      other.close();
      expect(rowsOf(connection)).toEqual([]);
    });
  });

  it("does not try again what failed for another reason than the lock", async () => {
    await withConnection(async (_connection, transactions, clock) => {
      let tries = 0;
      const failing = transactions.executeWithRetry(
        async () => {
          tries++;
          throw new Error("no");
        },
        () => Infinity,
      );
      await expect(failing).rejects.toMatchObject({ code: "INTERNAL" });
      expect(tries).toBe(1);
      expect(clock.delaysMs).toEqual([]);
    });
  });

  it("says so when a transaction can be neither completed nor undone", async () => {
    await withConnection(async (connection) => {
      const prepare = connection.statements.prepare.bind(connection.statements);
      const statements = Object.create(connection.statements, {
        prepare: {
          value(sql: string) {
            if (sql === "ROLLBACK") throw new Database.SqliteError("disk I/O error", "SQLITE_IOERR");
            return prepare(sql);
          },
        },
      }) as typeof connection.statements;
      const transactions = new TransactionManager({ ...connection, statements }, new ManualClock());
      const failing = transactions.executeTransaction(async () => {
        throw new Error("first reason");
      });
      await expect(failing).rejects.toMatchObject({
        code: "TRANSACTION_FAILED",
        message: expect.stringMatching(/first reason.*disk I\/O error/) as string,
      });
      expect(transactions.isOpen).toBe(true);
    });
  });
});
