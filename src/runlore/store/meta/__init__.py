"""The MetaStore in SQL: users, projects, runs and journals. SQL about them lives here only."""
