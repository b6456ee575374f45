"""Opening the swarm's ports on a host, to the swarm's hosts only: rules rendered here, applied by the host."""
