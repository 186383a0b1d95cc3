"""Translation by colour statistics alone: seconds on one core, no training."""
