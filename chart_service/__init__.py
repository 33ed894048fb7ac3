"""Charts: a question in words becomes a guarded statement, its rows and a figure; charts are saved, filtered, embedded.

In the order in which a question travels: ``ask`` (model, intent) → ``guard`` (the statement) → ``query`` (rows) →
``figures`` (the chart). ``library`` keeps charts.
"""
