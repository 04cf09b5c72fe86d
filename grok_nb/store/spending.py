"""What has been spent, by day and process: kept true by the file itself.

Every change of a row of the ledger changes the sums in the same commit. A purge of the
ledger leaves them: deleted rows were paid for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grok_nb import limits

from . import file, threads  # the other migrations come before this one

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from grok_nb.limits import Limit, Refusal

_AFTER = (threads,)


def _counted(row: str) -> str:
    """Return the SQL of what a row counts for; see `grok_nb.limits.counted`."""
    return (
        f"(CASE WHEN {row}cached "
        f"OR ({row}cost_ticks = 0 AND {row}state IN ('failed', 'stopped')) "
        f"THEN 0 WHEN {row}cost_source IN ('reported', 'computed') "
        f"THEN coalesce({row}cost_ticks, 0) "
        f"ELSE max(coalesce({row}cost_ticks, 0), coalesce({row}reserved_ticks, 0)) END)"
    )


def _create_spent(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE calls ADD COLUMN session TEXT")
    connection.execute("ALTER TABLE calls ADD COLUMN reserved_ticks INTEGER")
    connection.execute(
        "CREATE TABLE spent (day TEXT NOT NULL, session TEXT NOT NULL, "
        "ticks INTEGER NOT NULL, PRIMARY KEY (day, session)) WITHOUT ROWID"
    )
    connection.execute("CREATE INDEX spent_session ON spent (session, ticks)")
    connection.execute(
        "INSERT INTO spent SELECT substr(time, 1, 10), '', "  # noqa: S608 - constants
        f"sum({_counted('')}) FROM calls GROUP BY 1"
    )
    new, old = _counted("NEW."), _counted("OLD.")
    for event, when, ticks in (
        ("INSERT", f"{new} <> 0", new),
        ("UPDATE", f"{new} <> {old}", f"{new} - {old}"),
    ):
        connection.execute(
            f"CREATE TRIGGER calls_{event.lower()} AFTER {event} ON calls "  # noqa: S608
            f"WHEN {when} BEGIN INSERT INTO spent VALUES (substr(NEW.time, 1, 10), "
            f"coalesce(NEW.session, ''), {ticks}) ON CONFLICT (day, session) "
            "DO UPDATE SET ticks = ticks + excluded.ticks; END"
        )


file.MIGRATIONS.append(_create_spent)


def spent(connection: sqlite3.Connection, limit: Limit, day: str) -> int:
    """Return the ticks that count for a limit: spent, reserved, or in doubt.

    Parameters
    ----------
    connection
        Of the store.
    limit
        Of which kind.
    day
        ISO date of today (UTC).
    """
    sql, keys = "SELECT total(ticks) FROM spent WHERE day = ?", [day]
    if limit.per == "session":
        # an id stands alone, or before a dot and blocks; a slash comes after a dot
        sql = "SELECT total(ticks) FROM spent WHERE session >= ? AND session < ?"
        keys = [limits.session(), limits.session() + "/"]
        if limit.block:
            sql += " AND instr(session, ?)"
            keys.append(f".{limit.block}.")
    (found,) = connection.execute(sql, keys).fetchone()
    return max(int(found), 0)


def refusal(
    connection: sqlite3.Connection,
    held: Sequence[Limit],
    ticks: int,
    day: str,
) -> Refusal | None:
    """Return why that much more cannot be spent; ``None`` where it can."""
    for limit in held:
        used = spent(connection, limit, day)
        if used + ticks > limit.ticks:
            return limits.Refusal(str(limit), limit.ticks, used, ticks, limit.per)
    return None
