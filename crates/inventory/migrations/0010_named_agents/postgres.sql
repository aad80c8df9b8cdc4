-- Records of discovery that name an agent go where it goes, so they are found by it.
CREATE INDEX inventory_machine_named_agent ON inventory_machine (org_id, integration_id, agent_native_id)
    WHERE agent_native_id IS NOT NULL;
