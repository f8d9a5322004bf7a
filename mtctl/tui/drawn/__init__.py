"""Floor 4. What is drawn by hand, a line at a time: lists, calendars, matrices, time lines, and how states look."""
