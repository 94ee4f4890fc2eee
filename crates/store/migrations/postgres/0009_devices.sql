-- Which requests name a device: the pieces of a device's name are in those of all its neighbours.
CREATE INDEX request_devices ON request USING gin (string_to_array(btrim(devices, chr(10)), chr(10)))
    WITH (gin_pending_list_limit = 256);
