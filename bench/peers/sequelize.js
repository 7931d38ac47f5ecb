import { join } from "node:path";
import { DataTypes, Sequelize } from "sequelize";

const AS_IT_COMES = "a rollback journal, synchronous FULL, which are SQLite's defaults and as durable";

export async function open(folder, { isTuned }) {
  const sequelize = new Sequelize({ dialect: "sqlite", storage: join(folder, "sequelize.db"), logging: false });
  if (isTuned) {
    await sequelize.query("PRAGMA journal_mode = WAL");
    await sequelize.query("PRAGMA synchronous = FULL");
  }
  const text = { type: DataTypes.TEXT, allowNull: false };
  const integer = { type: DataTypes.INTEGER, allowNull: false };
  const Answer = sequelize.define(
    "answer",
    {
      id: { type: DataTypes.TEXT, primaryKey: true },
      ...{ eventId: text, userId: text, emoji: text, isAnswer: integer, createdAt: integer },
    },
    { timestamps: false },
  );
  await Answer.sync();
  return {
    settings: `on node-sqlite3; ${isTuned ? "WAL, synchronous FULL" : AS_IT_COMES}; create(), no logging`,
    write: (record) => Answer.create(record),
    read: (id) => Answer.findByPk(id, { raw: true }),
    close: () => sequelize.close(),
  };
}
