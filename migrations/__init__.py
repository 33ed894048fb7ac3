"""Alembic revisions of the service's own tables (schema ``app``), its schemas and its reader role.

Applied by :mod:`warehouse.migrate`. The mirror's tables and views are not here: they follow the portal's field lists.
"""
