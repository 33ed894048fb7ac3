"""Other ways to copy deals into PostgreSQL, as their documentation recommends them; ``b24 bench --compare`` runs them.

Each is a program of its own: ``python -m cli.bench.compared.<name> full|changes``. It reads ``BENCH_WEBHOOK_URL``,
``BENCH_DATABASE_URL``, ``BENCH_HOME`` and ``BENCH_LIMITS`` (``on`` or ``off``), copies all deals or what changed since
the last time, and prints ``{"rows": …, "seconds": …}``: rows received, and the time without the imports.
"""
