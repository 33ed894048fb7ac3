"""What every table and column means, as data, Markdown, dbt sources and the short form for a language model.

``read_catalog(conn)``        tables, columns, meanings, codes, joins: the schema as it is now
``read_statistics(conn, …)``  how far columns are filled, how many values, ranges; never a personal value
``markdown(…)``               the document for people, in Russian or English
``prompt_text(catalog)``      the document for a model: the same bytes while the schema is the same
"""
