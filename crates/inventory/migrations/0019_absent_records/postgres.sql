-- The records that their source does not have, few among millions: those that it has are then counted by an index alone.
CREATE INDEX inventory_source_record_absent ON inventory_source_record (org_id, integration_id, stream)
    WHERE state <> 'present';
