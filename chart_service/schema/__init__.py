"""What every table and column means, for the page that shows it: the same catalogue that the control API documents."""
