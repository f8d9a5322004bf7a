"""Floor 3: the verbs. Ports in, values out; nothing here knows an adapter, a terminal or a command line."""
