"""Floor 2. Telling people and programs: a log, mail, webhooks, commands. Strangers to the store and the engine."""
