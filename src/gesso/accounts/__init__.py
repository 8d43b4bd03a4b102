"""Accounts: who may ask (keys) and what they have left (ledger)."""
