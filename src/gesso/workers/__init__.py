"""Workers: run claimed jobs, keep their leases, clean up."""
