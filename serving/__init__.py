"""Doors: one scoring path behind the command line, the HTTP service, the batch and the pages."""
