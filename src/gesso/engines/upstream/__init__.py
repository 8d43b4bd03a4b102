"""Run a job at a vendor: what to send and how to read the answer is the vendor's file, everything else is the sender's."""
