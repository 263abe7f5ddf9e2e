"""Where an answer comes from: heat maps, maps by group, the nearest training images."""
