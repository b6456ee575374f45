"""What an engine is asked, over the Docker Engine API. Nothing in here knows how a host came to be."""
