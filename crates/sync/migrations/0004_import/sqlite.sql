-- Sources that are files: a scan, a list. They are integrations as consoles are, and nothing is ever asked of them.

-- How it is read: sentinelone, nmap, csv, json.
ALTER TABLE sync_integration ADD COLUMN connector TEXT NOT NULL DEFAULT 'sentinelone';
