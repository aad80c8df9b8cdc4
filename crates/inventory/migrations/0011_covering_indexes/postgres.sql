-- Questions about software read an index alone, and not each row that it names: a broad one ("everything of that maker")
-- costs a third. Vulnerabilities are found and counted by severity.
DROP INDEX IF EXISTS inventory_software_of_agent;
DROP INDEX IF EXISTS inventory_software_of_release;
CREATE INDEX inventory_software_of_agent ON inventory_software (org_id, agent_record_id, release_id, gone);
CREATE INDEX inventory_software_of_release ON inventory_software (org_id, release_id, agent_record_id, gone);
CREATE INDEX inventory_vulnerability_severity ON inventory_vulnerability (org_id, severity_term, agent_record_id, gone);
