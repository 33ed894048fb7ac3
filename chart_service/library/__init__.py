"""The library of charts: statements run and drawn, charts kept, exported, and what filters can choose from."""
