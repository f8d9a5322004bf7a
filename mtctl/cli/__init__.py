"""Floor 4: the command line. Each command parses, calls one service, and shows its answer."""
