"""Signing in with a browser: a form, Supabase's password grant, a session behind a cookie.

``sessions`` keeps them, ``middleware`` turns a session's cookie into the access token that every route checks.
"""
