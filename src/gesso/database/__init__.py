"""The database: tables, migrations, and the threads that run plain functions of a connection in transactions."""
