"""The one guarded way out: every byte fetched from an address somebody else named comes through here."""
