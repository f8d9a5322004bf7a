"""Floor 4. What the dashboard asks before it acts: questions, forms, the menu of verbs, the wizard of a range."""
