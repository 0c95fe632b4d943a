"""The command line ``fanal``: one module per group of verbs, each loaded only when it is called."""
