"""The HTTP door: bytes of a request in, one problem document or one answer out."""
