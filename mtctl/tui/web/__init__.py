"""Floor 4. The dashboard in a browser: the server, who gets in, and a process for each visitor."""
