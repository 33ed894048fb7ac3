"""Dashboards: charts on a grid, with filters that hold for all of them.

``document`` is what a dashboard consists of, ``store`` keeps it, ``starters`` come with the service.
"""
