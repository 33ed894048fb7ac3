"""The pages for people: server-rendered shells, whose modules draw what the API answers."""
