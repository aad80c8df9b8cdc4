-- When an integration was deleted: what it said is history from then on, and decides nothing.
ALTER TABLE inventory_integration ADD COLUMN ended_at INTEGER;
