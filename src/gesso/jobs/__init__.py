"""Jobs: accepted in one transaction, claimed under a lease, ended exactly once in another."""
