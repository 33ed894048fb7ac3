"""Speaks to PostgreSQL: settings, embedded server, tables designed from fields, load, views, roles."""
