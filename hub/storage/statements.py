"""The SQL that SQLAlchemy has no words for: triggers and parts by month.

Tables and migrations both use it. What a migration has used stays as it is: a change is a new
function beside the old one.
"""

from __future__ import annotations

from typing import Final

PREPARING: Final = (
    "CREATE TABLE IF NOT EXISTS hub_writer ()",
    """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING
            ERRCODE = 'restrict_violation', MESSAGE = TG_TABLE_NAME || ' is insert-only';
    END
    $$""",
)
"""What PostgreSQL needs before any table: the writers' lock and the triggers' one function."""


def insert_only_statements(table: str) -> dict[str, list[str]]:
    """Return, for each database, what makes it refuse to change or delete rows of `table`."""
    refused = "FOR EACH {} EXECUTE FUNCTION refuse_change()"
    # PostgreSQL copies triggers of rows, and no others, to the parts of a table.
    change = f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
    truncate = f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
    return {
        "sqlite": [
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
            for action in ("UPDATE", "DELETE")
        ],
        "postgresql": [change + refused.format("ROW"), truncate + refused.format("STATEMENT")],
    }


def month_function(table: str) -> str:
    """Return the function that makes the part of `table` for the month of a day, if it is missing.

    It says whether it has made one. It acts as its owner, so that a hub that may only insert can
    call it. The part is made beside the table and attached to it: no reader has to wait for that.
    """
    return f"""CREATE OR REPLACE FUNCTION ensure_{table}_month(day bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE
        epoch CONSTANT date := date '1970-01-01';
        first CONSTANT date := date_trunc('month', epoch + day::integer)::date;
        next CONSTANT date := (first + interval '1 month')::date;
        part CONSTANT text := '{table}_' || to_char(first, '"y"YYYY"m"MM');
    BEGIN
        IF to_regclass(part) IS NOT NULL THEN
            RETURN false;
        END IF;
        EXECUTE 'CREATE TABLE ' || part
            || ' (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)';
        EXECUTE 'CREATE TRIGGER ' || part || '_no_truncate BEFORE TRUNCATE ON ' || part
            || ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()';
        EXECUTE 'ALTER TABLE {table} ATTACH PARTITION ' || part
            || ' FOR VALUES FROM (' || (first - epoch) || ') TO (' || (next - epoch) || ')';
        RETURN true;
    END
    $$"""  # noqa: S608 - names of our own tables
