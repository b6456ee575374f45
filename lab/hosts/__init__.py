"""How hosts come to be. Nothing in here knows of Docker or of a swarm."""
