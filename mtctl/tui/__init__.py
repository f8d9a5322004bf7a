"""Floor 4. The dashboard: lists and details of one project, and every verb of the command line in one key."""
