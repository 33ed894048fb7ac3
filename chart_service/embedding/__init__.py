"""Dashboards in other sites, as Superset embeds them, and links that show one to whoever has them.

``guest_tokens`` says what a viewer may see, ``guests`` checks it on every request. ``embeds`` and ``links`` are what
people switch on; ``security_routes`` and ``superset_routes`` are what backends of hosts call.
"""
