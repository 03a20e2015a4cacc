-- What the role `fedcarbon_hub` may do in a database that another role has migrated and owns: read
-- and insert everywhere, change and delete only where rows change by design. So a hub that is taken
-- over cannot switch the triggers off that keep the books and the record as they are.
-- Run it as the owner after every `fedcarbon-hub migrate`.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO fedcarbon_hub;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO fedcarbon_hub;
REVOKE INSERT ON alembic_version FROM fedcarbon_hub;
DO $$
DECLARE
    changing regclass;
BEGIN
    FOR changing IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace
            AND c.relkind IN ('r', 'p')
            AND c.relname <> 'alembic_version'
            AND NOT EXISTS (
                SELECT FROM pg_trigger t
                WHERE t.tgrelid = c.oid AND t.tgfoid = 'refuse_change'::regproc
            )
    LOOP
        EXECUTE 'GRANT UPDATE, DELETE ON ' || changing || ' TO fedcarbon_hub';
    END LOOP;
END
$$;
