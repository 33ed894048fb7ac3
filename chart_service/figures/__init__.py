"""Figures: a template that names columns, bound to rows. Our code alone builds what Plotly draws."""
