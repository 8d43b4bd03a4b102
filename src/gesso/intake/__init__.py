"""Intake: accept one request (check, keep its pictures, plan, submit)."""
