"""Swarm Lab: hosts with a real Docker Engine each, a swarm over them, and proof that its overlays work."""

__version__ = "0.1.0"
