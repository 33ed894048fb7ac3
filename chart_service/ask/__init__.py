"""Asking in words: a question becomes a statement and a figure template, written by a language model and never trusted.

In the order in which a question travels: ``prompt`` (what the model is told) → ``model_client`` (the server, whatever
it can do) → ``intent`` (what it answered) → ``loop`` (guard, plan, rows, figure, at most two repairs).
"""
