"""The only room that speaks SQL: a statement is a file of `tasks/sql`."""
