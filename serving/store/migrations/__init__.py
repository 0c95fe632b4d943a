"""How the tables of the score store came to be, step by step."""
