"""What a campaign has found so far: progress, ranking, the choices that act."""
