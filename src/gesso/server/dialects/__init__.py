"""One driver for every dialect's table: reads, authenticates, performs the action, answers in the vendor's words."""
